import { arch, cpus, platform, totalmem } from 'node:os';
import type { App } from '../app-type.ts';

const hide = { hide: true } as const;

/** Routes that A1111's own page asks, and clients that want to know whether it is there. */
export function addInternalRoutes(app: App, software: string): void {
  app.get('/internal/ping', { config: { permission: 'public' }, schema: hide }, async () => ({}));

  for (const path of ['sysinfo', 'sysinfo-download']) {
    app.get(`/internal/${path}`, { config: { permission: 'system:read' }, schema: hide }, async (_request, reply) => {
      if (path === 'sysinfo-download') reply.header('content-disposition', 'attachment; filename="sysinfo.json"');
      // Nothing of paths, arguments or variables of the machine.
      return {
        Platform: `${platform()} ${arch()}`,
        Version: software,
        CPU: { model: cpus()[0]?.model ?? '', 'count logical': cpus().length },
        RAM: { total: `${Math.round(totalmem() / 1_073_741_824)}GB` },
        Extensions: [],
      };
    });
  }
}
