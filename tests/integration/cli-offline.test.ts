import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineCommand, EngineEvent } from '../../apps/server/src/adapters/inference/engine-protocol.ts';
import type { EngineItem } from '../../apps/server/src/application/engine-port.ts';
import { keepAll } from '../support/keep-all.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';

const GUARD = new URL('../support/loopback-only.mjs', import.meta.url).href;
const demo = fileURLToPath(new URL('../../models/demo', import.meta.url));

let folder: string;
let log: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-offline-'));
  log = join(folder, 'connections.log');
});

beforeEach(() => writeFile(log, ''));

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const guarded = (args: readonly string[], onStderr?: (text: string, child: ChildProcess) => void): Promise<CliResult> =>
  runCli(args, {
    cwd: folder,
    nodeArgs: ['--import', GUARD],
    env: { LOOPBACK_ONLY_LOG: log },
    ...(onStderr && { onStderr }),
  });

describe('without models pull', () => {
  it('no command opens a connection beyond loopback', async () => {
    const fixture = fileURLToPath(new URL('../fixtures/parity/float32', import.meta.url));
    for (const args of [
      ['version'],
      ['models', 'list'],
      ['models', 'verify', 'demo'],
      ['parity', fixture],
      ['generate', 'a fox', '--steps', '1', '--out', 'out'],
    ]) {
      expect({ args, status: (await guarded(args)).status }).toEqual({ args, status: 0 });
    }
    expect(await readFile(log, 'utf8')).toBe('');
  });

  it('the server opens none', async () => {
    const { status, stdout } = await runCli(['serve', '--port', '0'], {
      cwd: folder,
      nodeArgs: ['--import', GUARD],
      env: { LOOPBACK_ONLY_LOG: log, IMAGEMILL_LOG_LEVEL: 'debug' },
      onStdout: (text, child) => text.includes('listens on') && child.kill('SIGTERM'),
    });
    expect(status).toBe(0);
    expect(stdout).toContain('listens on http://127.0.0.1:');
    expect(await readFile(log, 'utf8')).toBe('');
  });

  it('the engine process opens none while it draws', async () => {
    const entry = fileURLToPath(new URL('../../apps/server/src/adapters/inference/engine-child.ts', import.meta.url));
    const child = fork(entry, {
      serialization: 'advanced',
      execArgv: ['--import', GUARD],
      env: { ...process.env, LOOPBACK_ONLY_LOG: log },
    });
    const item: EngineItem = {
      ...{
        id: '0',
        modelPath: demo,
        precision: 'mapped',
        prompt: 'a fox',
        negativePrompt: '',
        width: 64,
        height: 64,
        seed: 1,
        steps: 1,
      },
      ...{
        guidanceScale: 0,
        format: 'png',
        quality: 90,
        previews: false,
        oversize: 'reject',
        rank: 0,
        loras: [],
        cacheScope: 'test',
      },
    };
    const send = (command: EngineCommand): boolean => child.send(command);
    const seen: string[] = [];
    child.on('message', (event: EngineEvent) => {
      seen.push(event.type);
      if (event.type === 'ready') send({ type: 'submit', item });
      if (event.type === 'finished') send({ type: 'close' });
    });
    send({
      type: 'start',
      options: {
        device: 'cpu',
        weights: 'mapped',
        threads: 1,
        slots: 1,
        memoryReserveBytes: 0,
        cacheDir: join(folder, 'cache'),
        models: keepAll,
      },
    });
    await once(child, 'exit');
    expect(seen).toContain('finished');
    expect(await readFile(log, 'utf8')).toBe('');
  });

  it('the guard of these tests would notice', async () => {
    let isStopping = false;
    const stopAtRetry = (text: string, child: ChildProcess): void => {
      if (isStopping || !text.includes('Trying again')) return;
      isStopping = true;
      child.kill('SIGINT');
    };
    const { status, stderr } = await guarded(
      ['models', 'pull', 'Tongyi-MAI/Z-Image-Turbo', '--endpoint', 'http://203.0.113.1'],
      stopAtRetry,
    );
    expect({ status, stderr }).toMatchObject({ status: 130, stderr: expect.stringContaining('203.0.113.1') });
    expect(await readFile(log, 'utf8')).toContain('connection to 203.0.113.1');
  });
});
