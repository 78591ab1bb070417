/**
 * The queue of a cluster: what it accepts, hands out and works off in a second, how fast the feeder lays jobs out in
 * Redis, how soon an idle worker starts, how throughput grows with workers whose pictures take a fixed time, and how
 * long it takes until others go on where the feeder or a worker was killed. PostgreSQL (with fsync) and Redis
 * (append-only file, written down every second) are started for it.
 *
 *     node benchmarks/cluster-queue.ts [--queue sql | redis] [--only rates,feed,starts,scaling,feeder,worker]
 *         [--rounds 3] [--jobs 1000] [--seconds 30] [--picture-ms 500]
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ClusterBench } from './cluster/cluster-bench.ts';
import { printKilledFeeder, printKilledWorker } from './cluster/kills.ts';
import { printFeed, printRates } from './cluster/rates.ts';
import { printScaling } from './cluster/scaling.ts';
import { printStarts } from './cluster/starts.ts';

const { values } = parseArgs({
  options: {
    queue: { type: 'string', default: 'sql' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    'picture-ms': { type: 'string', default: '500' },
  },
});
if (values.queue !== 'sql' && values.queue !== 'redis') throw new Error('--queue is sql or redis');

const parts = {
  rates: printRates,
  feed: printFeed,
  starts: printStarts,
  scaling: printScaling,
  feeder: printKilledFeeder,
  worker: printKilledWorker,
};
const onlyWithRedis: readonly string[] = ['feed', 'feeder'];

const bench = await ClusterBench.start(values.queue, {
  rounds: Number(values.rounds),
  jobs: Number(values.jobs),
  seconds: Number(values.seconds),
  pictureMs: Number(values['picture-ms']),
});
try {
  for (const [name, print] of Object.entries(parts)) {
    if (!(values.only ?? name).split(',').includes(name)) continue;
    if (values.queue === 'sql' && onlyWithRedis.includes(name)) continue;
    process.stdout.write(`# ${name}, ${values.queue}, load ${loadavg()[0]?.toFixed(1)}\n`);
    await print(bench);
  }
} finally {
  await bench.close();
}
