/**
 * Kills engine and server at random under load for as long as wanted, and checks after each round that every accepted
 * job has exactly one picture or one clear error: `node scripts/soak.ts [minutes] [seed]`. Linux.
 */
import { runChaos } from '../tests/support/chaos.ts';

const minutes = Number(process.argv[2] ?? 10);
let seed = Number(process.argv[3] ?? 1);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new RangeError('usage: node scripts/soak.ts [minutes] [seed]');

const end = Date.now() + minutes * 60_000;
while (Date.now() < end) {
  const startedAt = Date.now();
  const result = await runChaos({
    seed,
    generations: 200,
    count: 10,
    kills: 25,
    maxPauseMs: 3_000,
    damage: 0.01,
    settings: { device: 'fixed:20', slots: 4, retryPauseMs: 200, maxAttempts: 20, logLevel: 'error' },
  });
  const jobs = result.generations.flatMap((generation) => generation.jobs);
  const succeeded = jobs.filter(({ state }) => state === 'succeeded').length;
  const assets = new Set(jobs.flatMap(({ asset }) => asset?.id ?? []));
  const isWhole =
    jobs.length === 2_000 &&
    result.listed === 200 &&
    assets.size === succeeded &&
    result.damaged === 0 &&
    jobs.every(({ state, error }, i) =>
      state === 'succeeded'
        ? result.picturesByJob[i] === 1
        : ['failed', 'dead'].includes(state) && error !== undefined && result.picturesByJob[i] === 0,
    );
  const { serverKills, engineKills, repeats, attempts } = result;
  const facts = { seconds: Math.round((Date.now() - startedAt) / 1_000), serverKills, engineKills, repeats, attempts };
  console.log(`seed ${seed}: ${succeeded} pictures of ${jobs.length} jobs, ${JSON.stringify(facts)}`);
  if (!isWhole) throw new Error(`Round with seed ${seed} lost or repeated something.`);
  seed += 1;
}
