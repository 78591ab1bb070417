import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeyRequest } from '@imagemill/api';
import { openAdministration } from '../../apps/server/src/administration.ts';
import { loadConfig, type SettingsInput, startServer } from '../../apps/server/src/index.ts';
import { createClient } from '../../packages/api/src/client/index.ts';

/** A whole server with the demo model: API, page, queue, and an engine in its own process. */
export interface ImagemillServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** Makes a key on its data, as the command line does, and gives the text of it. */
  issueKey(request: Partial<KeyRequest>): Promise<string>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Starts a server on a free port of the loopback interface with data of its own, and builds the page if need be. */
export async function startImagemill(settings: SettingsInput = {}): Promise<ImagemillServer> {
  execFileSync(process.execPath, [join(root, 'scripts/build-web-if-needed.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const dataDir = mkdtempSync(join(tmpdir(), 'imagemill-e2e-'));
  const config = loadConfig({
    overrides: { port: 0, dataDir, model: join(root, 'models/demo'), drainMs: 0, logLevel: 'error', ...settings },
    environment: {},
  });
  const server = await startServer(config);
  return {
    url: server.url,
    async issueKey({ name = 'key of a test', role = 'admin', ...request }) {
      const administration = await openAdministration(config);
      try {
        const client = createClient({ fetch: administration.fetch });
        return (await client.createKey({ name, role, ...request })).secret;
      } finally {
        await administration.close();
      }
    },
    /** Stops it and removes its data. */
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}
