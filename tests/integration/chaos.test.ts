import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ChaosOptions, runChaos } from '../support/chaos.ts';

/** Whether a small disk may be mounted here; where not, a test by itself fills no disk (server-disk-full.test.ts says so). */
function canMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), 'imagemill-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]).status === 0;
  if (isMounted) spawnSync('umount', [path]);
  rmdirSync(path);
  return isMounted;
}

const options: ChaosOptions = {
  seed: 3,
  generations: 40,
  count: 8,
  kills: 8,
  maxPauseMs: 1_500,
  damage: 0.02,
  fillDisk: canMount(),
  settings: { device: 'fixed:20', slots: 4, retryPauseMs: 200, maxAttempts: 20, logLevel: 'error' },
};

it.skipIf(process.platform !== 'linux')(
  'every accepted job gets exactly one picture or one clear error, whatever is killed, damaged or filled up meanwhile',
  async () => {
    const result = await runChaos(options);
    expect(result.serverKills).toBeGreaterThan(0);
    expect(result.engineKills).toBeGreaterThan(0);
    expect(result.diskFills > 0).toBe(options.fillDisk);
    // No request was carried out twice, and none was forgotten.
    expect(result.listed).toBe(options.generations);
    expect(new Set(result.generations.map(({ id }) => id)).size).toBe(options.generations);

    const jobs = result.generations.flatMap((generation) => generation.jobs);
    expect(jobs).toHaveLength(options.generations * options.count);
    for (const job of jobs) {
      expect(['succeeded', 'failed', 'dead']).toContain(job.state);
      expect(job.asset === undefined).toBe(job.state !== 'succeeded');
      expect(job.error === undefined).toBe(job.state === 'succeeded');
    }
    const assets = jobs.flatMap(({ asset }) => asset ?? []);
    expect(new Set(assets.map(({ id }) => id)).size).toBe(assets.length);
    expect(new Set(jobs.map(({ seed }) => seed)).size).toBe(jobs.length);
    expect(result.picturesByJob.every((pictures, i) => pictures === (jobs[i]?.state === 'succeeded' ? 1 : 0))).toBe(
      true,
    );
    expect(result.damaged).toBe(0);
  },
);
