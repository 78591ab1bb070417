import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { createHuggingFaceHub } from '../../apps/server/src/adapters/hub/hugging-face-hub.ts';
import { createModelStore } from '../../apps/server/src/adapters/hub/model-store.ts';
import { timerPauses } from '../../apps/server/src/adapters/hub/timer-pauses.ts';
import { createIdSource } from '../../apps/server/src/adapters/id-source.ts';
import { createCheckpointCatalog } from '../../apps/server/src/adapters/models/checkpoint-catalog.ts';
import { createModelActivities, type ModelActivities } from '../../apps/server/src/application/model-activities.ts';
import { createPullModel } from '../../apps/server/src/application/pull-model.ts';
import { createVerifyModel } from '../../apps/server/src/application/verify-model.ts';
import { hubRepositoryFiles } from '../support/model-hub-files.ts';
import { type ModelHubServer, startModelHubServer } from '../support/model-hub-server.ts';
import { quietLog } from '../support/quiet-log.ts';
import { testConfig } from '../support/server-parts.ts';

const REPOSITORY = 'Tongyi-MAI/Z-Image-Small';
const BIG = 'transformer/diffusion_pytorch_model-00002-of-00007.safetensors';
let hub: ModelHubServer;
let folder: string;
let activities: ModelActivities;
let refreshes: number;

beforeEach(async () => {
  hub = await startModelHubServer(REPOSITORY, await hubRepositoryFiles());
  folder = await mkdtemp(join(tmpdir(), 'imagemill-models-'));
  refreshes = 0;
  const store = createModelStore({ modelsFolder: folder });
  const options = await testConfig();
  let models = await createCheckpointCatalog([], options);
  activities = createModelActivities({
    pullFrom: () =>
      createPullModel({ hub: createHuggingFaceHub({ endpoint: hub.endpoint }), store, pauses: timerPauses }),
    verifyModel: createVerifyModel({ store }),
    models: { list: () => models.list() },
    async refresh() {
      refreshes += 1;
      models = await createCheckpointCatalog(await store.list(), options);
    },
    ...{ clock: systemClock, ids: createIdSource(systemClock), log: quietLog },
  });
});
afterEach(async () => {
  await activities.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const ended = (id: string) =>
  vi.waitUntil(() => activities.list().find((one) => one.id === id && one.finishedAt !== undefined), 20_000);

describe('models that the server pulls and checks', () => {
  it('are pulled with their progress, looked for anew, and refused twice at once', async () => {
    const { id, state } = activities.pull({ repository: REPOSITORY, source: 'huggingface' });
    expect(state).toBe('waiting');
    expect(() => activities.pull({ repository: REPOSITORY, source: 'huggingface' })).toThrow(
      expect.objectContaining({ code: 'model_busy' }),
    );
    const done = await ended(id);
    expect(done).toMatchObject({ kind: 'pull', state: 'succeeded', model: REPOSITORY });
    expect(done.doneBytes).toBe(done.totalBytes);
    expect(done.totalBytes).toBeGreaterThan(0);
    expect(refreshes).toBe(1);
  });

  it('are stopped with what they received', async () => {
    hub.fault(BIG, { kind: 'stall', afterBytes: 100 });
    const { id } = activities.pull({ repository: REPOSITORY, source: 'huggingface' });
    await vi.waitUntil(() => activities.list()[0]?.doneBytes !== 0, 20_000);
    activities.cancel(id);
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
    expect(activities.cancel('nothing')).toBeUndefined();
  });

  it('say why a pull failed', async () => {
    const { id } = activities.pull({ repository: 'owner/nothing', source: 'huggingface' });
    const failed = await ended(id);
    expect(failed.state).toBe('failed');
    expect(failed.problem).toMatchObject({
      code: 'hub_model_not_found',
      message: expect.stringContaining('owner/nothing'),
    });
  });

  it('are checked file by file', async () => {
    await ended(activities.pull({ repository: REPOSITORY, source: 'huggingface' }).id);
    const name = 'Z-Image-Small';
    expect(await ended(activities.verify(name).id)).toMatchObject({ state: 'succeeded', faults: [] });
    const path = join(folder, REPOSITORY, 'scheduler/scheduler_config.json');
    await writeFile(path, `${await readFile(path, 'utf8')} `);
    const failed = await ended(activities.verify(name).id);
    expect(failed.state).toBe('failed');
    expect(failed.faults.map((fault) => fault.path)).toEqual(['scheduler/scheduler_config.json']);
    expect(() => activities.verify('nothing')).toThrow(expect.objectContaining({ code: 'model_not_found' }));
  });
});
