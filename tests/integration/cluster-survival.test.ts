import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectEachJobEndedOnce, submitUntil, untilEnded } from '../support/cluster-load.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';
import { describeWithPostgres } from '../support/with-postgres.ts';

describeWithPostgres('a cluster whose parts die', () => {
  let postgres: PostgresServer;
  let url: string;
  let assetDir: string;
  let folder: ServerFolder;
  const apis: ServerProcess[] = [];
  const workers: ServerProcess[] = [];

  beforeEach(async () => {
    postgres = await startPostgres();
    ({ url } = await createDatabase(postgres.url));
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-survival-'));
    folder = await ServerFolder.create();
  });
  afterEach(async () => {
    await folder.remove();
    await postgres.remove();
    await rm(assetDir, { recursive: true, force: true });
  });

  const start = (role: 'api' | 'worker'): Promise<ServerProcess> =>
    folder.start({ databaseUrl: url, assetDir, device: 'fixed:250', slots: 2, logLevel: 'error' }, [], role);

  it('ends every accepted job exactly once, with its events in order', async () => {
    apis.push(...(await Promise.all([start('api'), start('api')])));
    workers.push(...(await Promise.all([start('worker'), start('worker'), start('worker')])));
    const kill = async (processes: ServerProcess[], index: number, role: 'api' | 'worker'): Promise<void> => {
      await processes[index]!.stop('SIGKILL');
      processes[index] = await start(role);
    };
    const disturb = async (): Promise<void> => {
      await kill(workers, 0, 'worker');
      await kill(apis, 0, 'api');
      await postgres.restart('immediate');
      await kill(workers, 1, 'worker');
      await postgres.restart('fast');
      await kill(apis, 1, 'api');
      await kill(workers, 2, 'worker');
    };
    const disturbing = disturb();
    const generations = await submitUntil(apis, disturbing);
    await disturbing;

    const ended = await Promise.all(generations.map((one) => untilEnded(apis, one.id)));
    expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'));
    expect(new Set(generations.map(({ id }) => id)).size).toBe(generations.length);
    await expectEachJobEndedOnce(url, generations.length);
  }, 300_000);
});
