/** Wiring of how long records and pictures are kept. */
import { createApplyRetention } from '../application/apply-retention.ts';
import { every } from '../application/every.ts';
import type { Config } from '../config/load.ts';
import type { Retention } from '../domain/retention/retention.ts';
import type { Base } from './compose-base.ts';
import { startDuty } from './duties.ts';

export function installationRetention(config: RetentionSettings): Retention {
  const { retentionPicturesDays, retentionRecordsDays, retentionKeepStarred } = config;
  return {
    picturesDays: retentionPicturesDays || undefined,
    recordsDays: retentionRecordsDays || undefined,
    keepStarred: retentionKeepStarred,
  };
}

export type RetentionSettings = Pick<Config, 'retentionPicturesDays' | 'retentionRecordsDays' | 'retentionKeepStarred'>;

/** Looks after old records and pictures, in one process at a time. */
export function startRetention(config: Config, base: Base): () => Promise<void> {
  const { clock, log } = base;
  const onError = (err: unknown): void => log.warn({ err }, 'removing what is too old failed');
  const duty = startDuty('retention', base, () => {
    const apply = createApplyRetention({
      ...base,
      remover: base.pictures,
      installation: installationRetention(config),
    });
    let running: Promise<void> = Promise.resolve();
    const look = (): Promise<void> => {
      running = running.then(async () => void (await apply())).catch(onError);
      return running;
    };
    const stop = every(clock, ROUND_MS, look, onError);
    return {
      look,
      async close() {
        stop();
        await running;
      },
    };
  });
  return () => duty.stop();
}

const ROUND_MS = 60_000;
