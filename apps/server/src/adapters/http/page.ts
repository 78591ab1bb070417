import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.ts';
import { pageSecurityPolicy } from './security.ts';

/** Serves the built page at `/`. Without one, `/` says how to build it. */
export async function addPage(app: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    const detail = 'The page is not built. Run "npm run build:web" and start again. The API works without it.';
    app.get('/', { schema: { hide: true } }, async (request, reply) =>
      sendProblem(request, reply, { code: 'route_not_found', detail }),
    );
    return;
  }
  await app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    cacheControl: false,
    schemaHide: true,
    setHeaders(reply, path) {
      reply.header('content-security-policy', pageSecurityPolicy);
      // File names under assets/ carry a hash of the contents.
      const isHashed = path.startsWith(join(folder, 'assets'));
      reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
