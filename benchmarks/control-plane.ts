/**
 * What the queue can do when drawing costs nothing: jobs accepted over HTTP, jobs through the queue, time from
 * submission to start, and the time of a claim with a short and a long queue; against Celery on Redis in turn.
 *
 *     IMAGEMILL_BENCH_PYTHON=… node benchmarks/control-plane.ts [--rounds 3] [--jobs 5000] [--rows 1000000]
 *
 * Needs redis-server and a Python with celery and redis for the comparison; `--rival none` leaves it out.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { ServerFolder } from '../tests/support/server-process.ts';
import { drainQueue, measureClaims, measureStarts } from './queue-load.ts';
import { ReferenceProcess } from './reference-process.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '5000' },
    rows: { type: 'string', default: '1000000' },
    rival: { type: 'string', default: 'celery' },
  },
});
const [rounds, jobs, rows] = [Number(values.rounds), Number(values.jobs), Number(values.rows)];
const durabilities = ['normal', 'full'] as const;
type Durability = (typeof durabilities)[number];

const run = promisify(execFile);
const redisPort = 6_390;

/** Jobs in requests of `count` pictures that are answered 202 in a second, over 32 connections. */
async function acceptOverHttp(durability: Durability, count: number): Promise<number> {
  const folder = await ServerFolder.create();
  try {
    const server = await folder.start({ device: 'fixed:3600000', durability, logLevel: 'error' });
    await fetch(`${server.url}/v1/queue/pause`, { method: 'POST' });
    const body = JSON.stringify({
      prompt: 'a red panda in a green forest, morning light, wide angle, soft colours, high detail',
      count,
    });
    const load = async (seconds: number): Promise<{ '2xx': number; non2xx: number; duration: number }> => {
      const script = fileURLToPath(import.meta.resolve('autocannon'));
      const options = ['--json', '-c', '32', '-d', String(seconds), '-m', 'POST', '-b', body];
      const header = ['-H', 'content-type=application/json'];
      const { stdout } = await run(process.execPath, [script, ...options, ...header, `${server.url}/v1/generations`]);
      return JSON.parse(stdout) as { '2xx': number; non2xx: number; duration: number };
    };
    await load(2);
    const result = await load(6);
    if (result.non2xx > 0) throw new Error(`${result.non2xx} requests were refused`);
    return (count * result['2xx']) / result.duration;
  } finally {
    await folder.remove();
  }
}

const redisFolder = await mkdtemp(join(tmpdir(), 'imagemill-redis-'));
const redis =
  values.rival === 'none'
    ? undefined
    : spawn(
        'redis-server',
        ['--port', String(redisPort), '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''].concat([
          '--dir',
          redisFolder,
        ]),
        { stdio: 'ignore' },
      );
process.env['REDIS_PORT'] = String(redisPort);
const celery = redis && new ReferenceProcess('celery_queue.py', [], 2);
process.once('exit', () => {
  celery?.close();
  redis?.kill();
});
// The servers below take every variable that begins like this for a setting of theirs.
delete process.env['IMAGEMILL_BENCH_PYTHON'];
const load = loadavg()[0] ?? 0;

const results = new Map<string, number[]>();
const add = (name: string, ...figures: number[]): void => {
  results.set(name, [...(results.get(name) ?? []), ...figures]);
};

for (let round = 0; round < rounds; round++) {
  for (const durability of durabilities) {
    add(`accept ${durability}`, await acceptOverHttp(durability, 1));
    add(`accept10 ${durability}`, await acceptOverHttp(durability, 10));
    add(`drain ${durability}`, await drainQueue({ durability, jobs, slots: 16 }));
    add(`start ${durability}`, median(await measureStarts({ durability, jobs: 100 })));
  }
  if (celery === undefined) continue;
  const { perSecond } = await celery.ask<{ perSecond: number }>({ do: 'enqueue', jobs });
  add('accept celery', perSecond);
  add('accept10 celery', perSecond);
  add('drain celery', (await celery.ask<{ perSecond: number }>({ do: 'drain', jobs })).perSecond);
  add('start celery', median((await celery.ask<{ ms: number[] }>({ do: 'latency', jobs: 100 })).ms));
}
for (const count of [1_000, rows]) add(`claim ${count}`, ...(await measureClaims(count)));
celery?.close();
redis?.kill();
await rm(redisFolder, { recursive: true, force: true });

const figures = (name: string): readonly number[] => results.get(name) ?? [];
const ratio = (what: string, durability: Durability): string =>
  celery === undefined
    ? ''
    : `${(median(figures(`${what} ${durability}`)) / median(figures(`${what} celery`))).toFixed(2)} ×`;
console.log(`load ${load.toFixed(1)} at the start, ${(loadavg()[0] ?? 0).toFixed(1)} at the end; ${rounds} rounds\n`);
console.log('| | NORMAL | FULL | Celery | NORMAL ÷ Celery | FULL ÷ Celery |\n|---|---|---|---|---|---|');
for (const [what, title, digits] of [
  ['accept', 'jobs accepted a second, one a request', 0],
  ['accept10', 'jobs accepted a second, ten a request', 0],
  ['drain', 'jobs through the queue a second', 0],
  ['start', 'submission to start, p50 in ms', 1],
] as const) {
  const cells = [...durabilities, 'celery'].map((system) => {
    const all = figures(`${what} ${system}`);
    return all.length === 0 ? '' : spread(all, digits);
  });
  console.log(`| ${title} | ${cells.join(' | ')} | ${ratio(what, 'normal')} | ${ratio(what, 'full')} |`);
}
const [short, long] = [median(figures('claim 1000')), median(figures(`claim ${rows}`))];
console.log(
  `\nclaim of 4 jobs, p50: ${short.toFixed(2)} ms with 1,000 queued, ${long.toFixed(2)} ms with ${rows} (${(long / short).toFixed(2)} ×)`,
);
