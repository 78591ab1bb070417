import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const shipped = fileURLToPath(new URL('../../deploy/nginx/', import.meta.url));

/** A real nginx on the loopback interface. */
export interface NginxServer extends AsyncDisposable {
  readonly url: string;
}

/** Whether nginx is installed. Missing is said aloud, and a failure in CI. */
export function hasNginx(): boolean {
  if (spawnSync('nginx', ['-v']).status === 0) return true;
  if (process.env['CI'] === 'true') throw new Error('nginx is missing; run scripts/install-test-services.sh');
  process.stderr.write('SKIPPED: nginx is not installed; run scripts/install-test-services.sh\n');
  return false;
}

/** Starts nginx with the shipped configuration; only the port and the api processes are the test's. */
export async function startNginx(apis: readonly string[]): Promise<NginxServer> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-nginx-'));
  const port = await freePort();
  await mkdir(join(folder, 'imagemill'));
  const [main, site, upstream] = await Promise.all([
    shippedFile('nginx.conf'),
    shippedFile('imagemill.conf'),
    shippedFile('upstream.conf'),
  ]);
  const servers = apis.map((url) => `server ${new URL(url).host} max_fails=2 fail_timeout=5s;`).join('\n');
  const files: Readonly<Record<string, string>> = {
    'nginx.conf': main
      .replaceAll('/tmp/', `${folder}/`)
      .replace('/dev/stdout', join(folder, 'access.log'))
      .replaceAll('/etc/nginx/imagemill/', `${folder}/imagemill/`)
      .replace('events {', `daemon off;\n${process.getuid?.() === 0 ? 'user root;\n' : ''}events {`),
    'imagemill/imagemill.conf': site.replace('listen 8080;', `listen 127.0.0.1:${port};`),
    'imagemill/upstream.conf': upstream.replace(/server api:7860 .*;/, servers),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += String(chunk);
  });
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 20_000; ; ) {
    if ((await fetch(`${url}/nginx-health`).catch(() => undefined))?.ok) break;
    if (child.exitCode !== null || Date.now() > end) throw new Error(`nginx did not start:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, [Symbol.asyncDispose]: () => stop(child, folder) };
}

function shippedFile(name: string): Promise<string> {
  return readFile(join(shipped, name), 'utf8');
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
