import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const command = fileURLToPath(new URL('../../apps/cli/bin/imagemill.js', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-npm-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

it.runIf(process.platform !== 'win32')('a server that npm has started ends when npm is ended', async () => {
  // As npm does: a shell that passes no signal on stands between.
  const script = `"${process.execPath}" "${command}" serve --port 0 --device fixed:50 --data-dir "${folder}"; true`;
  const shell = spawn('sh', ['-c', script], {
    env: { ...process.env, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = createInterface(shell.stdout);
  for await (const line of lines) if (line.includes('device')) break;
  let log = '';
  shell.stderr.on('data', (chunk) => {
    log += String(chunk);
  });
  const ended = once(shell.stderr, 'close');
  shell.kill('SIGTERM');
  // The pipe closes when the last process that holds it, the server, is gone.
  await ended;
  expect(log).toContain('parent_ended');
  expect(log).not.toContain('"level":"error"');
});
