import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';

/** A Redis server of a test: on a port and in a folder of its own, writing down what it holds every second. */
export interface RedisServer {
  readonly url: string;
  /** With the same port; empty when `keep` is false. */
  start(keep?: boolean): Promise<void>;
  /** As if it crashed. */
  kill(): Promise<void>;
  /** Forgets everything. */
  flushAll(): Promise<void>;
  /** Kills it and removes its folder. */
  remove(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  let folder = mkdtempSync(join(tmpdir(), 'imagemill-redis-'));
  const folders = [folder];
  let child: ChildProcess | undefined;
  const start = async (keep = true): Promise<void> => {
    if (!keep) {
      folder = mkdtempSync(join(tmpdir(), 'imagemill-redis-'));
      folders.push(folder);
    }
    const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
    const started = spawn('redis-server', [...settings, '--maxmemory-policy', 'noeviction'], { stdio: 'pipe' });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.stdout.on('data', (text: Buffer) => text.includes('Ready to accept connections') && resolve());
      started.once('error', reject);
      started.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    });
  };
  const kill = async (): Promise<void> => {
    const ended = child;
    child = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const exit = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill('SIGKILL');
    await exit;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    async flushAll() {
      const socket = connect(port, '127.0.0.1');
      socket.write('FLUSHALL\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      if (!answer.toString().startsWith('+OK')) throw new Error(`Redis answers ${answer}`);
    },
    async remove() {
      await kill();
      for (const one of folders) await rm(one, { recursive: true, force: true });
    },
  };
}

/** Tests that need Redis: skipped aloud where it is not installed, and failing there when CI=true. */
export function describeWithRedis(name: string, tests: () => void): void {
  const isHere = isInstalled();
  const mayLack = !isHere && process.env['CI'] !== 'true';
  if (mayLack) process.stderr.write(`skipped: ${name} (Redis is not installed: apt-get install redis-server)\n`);
  describe.skipIf(mayLack)(name, tests);
}

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
