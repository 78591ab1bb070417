/**
 * A day in an hour: asks a server for a steady number of generations a minute, for as long as wanted, and tells whether
 * memory and waiting times stay flat.
 *
 *     node benchmarks/soak.ts [--minutes 20] [--rate 300] [--device fixed:100 | cpu] [--size 256] [--steps 8]
 *
 * Memory is what the server process and its engine process hold (RSS). Flat: the last third is within 10 % (memory, and
 * at least 10 MB) and within 25 % (p95, and at least 0.1 s) of the middle third; the first third warms up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from '../packages/api/src/client/index.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    rate: { type: 'string', default: '300' },
    device: { type: 'string', default: 'fixed:100' },
    size: { type: 'string', default: '256' },
    steps: { type: 'string', default: '8' },
  },
});
const minutes = Number(values.minutes);
const [size, steps] = [Number(values.size), Number(values.steps)];

interface Minute {
  readonly accepted: number;
  readonly drawn: number;
  readonly failed: number;
  readonly p50: number;
  readonly p95: number;
  readonly serverMb: number;
  readonly engineMb: number;
  readonly databaseMb: number;
}

const folder = await mkdtemp(join(tmpdir(), 'imagemill-soak-'));
const server = start(folder);
try {
  const url = await listening(server);
  const client = createClient({ baseUrl: url });
  console.log(
    `${cpus()[0]?.model}, ${values.device}, ${size}², ${values.rate} generations a minute, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log('minute  accepted  drawn  failed  p50 s  p95 s  server MB  engine MB  records MB');
  const open = new Set<Promise<void>>();
  const found: Minute[] = [];
  let waits: number[] = [];
  let [accepted, failed] = [0, 0];
  const begin = performance.now();
  for (let asked = 0; asked < minutes * Number(values.rate); asked++) {
    const at = (asked * 60_000) / Number(values.rate);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - (performance.now() - begin))));
    if (performance.now() - begin >= (found.length + 1) * 60_000) await endMinute();
    const one = ask().finally(() => open.delete(one));
    open.add(one);
  }
  await Promise.all(open);
  await endMinute();
  verdict(found);

  async function ask(): Promise<void> {
    try {
      const { id } = await client.submitGeneration({
        prompt: `picture ${accepted} of a lamp`,
        width: size,
        height: size,
        steps,
      });
      accepted += 1;
      for await (const _ of client.events(id));
      const { state, createdAt, finishedAt = '' } = await client.getGeneration(id);
      if (state === 'succeeded') waits.push((Date.parse(finishedAt) - Date.parse(createdAt)) / 1_000);
      else failed += 1;
    } catch {
      failed += 1;
    }
  }

  async function endMinute(): Promise<void> {
    const sorted = waits.sort((a, b) => a - b);
    const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
    const minute: Minute = {
      ...{ accepted, drawn: sorted.length, failed, p50: rank(0.5), p95: rank(0.95) },
      serverMb: residentMb(server.pid ?? 0),
      engineMb: childrenOf(server.pid ?? 0).reduce((sum, pid) => sum + residentMb(pid), 0),
      databaseMb: (await stat(join(folder, 'data', 'imagemill.db'))).size / 1e6,
    };
    found.push(minute);
    [waits, accepted, failed] = [[], 0, 0];
    const numbers = [
      minute.p50.toFixed(2),
      minute.p95.toFixed(2),
      minute.serverMb.toFixed(0),
      minute.engineMb.toFixed(0),
    ];
    const cells = [
      found.length,
      minute.accepted,
      minute.drawn,
      minute.failed,
      ...numbers,
      minute.databaseMb.toFixed(1),
    ];
    console.log(cells.map((cell, at) => String(cell).padStart([6, 8, 5, 6, 5, 5, 9, 9, 10][at] ?? 8)).join('  '));
  }
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  await rm(folder, { recursive: true, force: true });
}

function verdict(found: readonly Minute[]): void {
  const third = Math.max(1, Math.floor(found.length / 3));
  const [middle, last] = [found.slice(-2 * third, -third), found.slice(-third)];
  const compare = (name: string, pick: (minute: Minute) => number, share: number, floor: number): void => {
    const [before, after] = [median(middle.map(pick)), median(last.map(pick))];
    const isFlat = after <= Math.max(before * (1 + share), before + floor);
    console.log(`${name}: ${before.toFixed(2)} → ${after.toFixed(2)}, ${isFlat ? 'flat' : 'NOT FLAT'}`);
    if (!isFlat) process.exitCode = 1;
  };
  compare('server memory, MB', (minute) => minute.serverMb, 0.1, 10);
  compare('engine memory, MB', (minute) => minute.engineMb, 0.1, 10);
  compare('p95, s', (minute) => minute.p95, 0.25, 0.1);
  const failures = found.reduce((sum, { failed }) => sum + failed, 0);
  console.log(`failures: ${failures}`);
  if (failures > 0) process.exitCode = 1;
}

function start(cwd: string): ChildProcess {
  const bin = fileURLToPath(new URL('../apps/cli/bin/imagemill.js', import.meta.url));
  const settings: Record<string, string> = {
    IMAGEMILL_DATA_DIR: join(cwd, 'data'),
    IMAGEMILL_PORT: '0',
    IMAGEMILL_DEVICE: values.device,
    IMAGEMILL_LOG_LEVEL: 'warn',
    IMAGEMILL_CALIBRATE: 'false',
    IMAGEMILL_MODELS_DIR: join(cwd, 'models'),
    PATH: process.env['PATH'] ?? '',
    HOME: cwd,
  };
  if (!values.device.startsWith('fixed'))
    settings['IMAGEMILL_MODEL'] = fileURLToPath(new URL('../models/demo', import.meta.url));
  return spawn(process.execPath, [bin, 'serve'], { cwd, env: settings, stdio: ['ignore', 'pipe', 'inherit'] });
}

async function listening(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface({ input: stdout })) {
    const url = /listens on (\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      stdout.resume();
      return url;
    }
  }
  throw new Error('the server ended before it listened');
}

function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1e3;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const own = text === '' ? [] : text.split(' ').map(Number);
  return own.flatMap((child) => [child, ...childrenOf(child)]);
}
