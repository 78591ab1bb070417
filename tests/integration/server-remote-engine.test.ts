import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Generation, QueueStatus } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig, type RunningServer, type SettingsInput, startServer } from '../../apps/server/src/index.ts';
import { quietLog } from '../support/quiet-log.ts';
import { writeMeanModel } from '../support/scoring-model.ts';

/** One server draws with the demo model; another hands it its pictures through the door for OpenAI's clients. */
describe('a server whose engine is another server', () => {
  let folder: string;
  let mill: RunningServer;
  let front: RunningServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-remote-'));
    mill = await start('mill', { model: 'models/demo', disconnectGraceMs: 0, calibrate: false, warmUpEveryMs: 0 });
    front = await start('front', { device: `openai:${mill.url}/v1`, slots: 2, retryPauseMs: 100 });
    await vi.waitFor(() => expect(front.engine.state).toBe('ready'));
  });
  afterAll(async () => {
    await front?.close();
    await mill?.close();
    await rm(folder, { recursive: true });
  });

  async function start(name: string, settings: SettingsInput): Promise<RunningServer> {
    const base = { dataDir: join(folder, name), port: 0, minFreeBytes: 0, drainMs: 0 };
    return startServer(loadConfig({ overrides: { ...base, ...settings }, environment: {} }), { log: quietLog });
  }

  const request = { prompt: 'a red fox', width: 128, height: 128, steps: 2, seed: 5, guidanceScale: 0.5 };

  async function draw(url: string, more: object = {}): Promise<Generation> {
    const client = createClient({ baseUrl: url });
    const { id, links } = await client.submitGeneration({ ...request, ...more });
    await (await fetch(url + links.events)).text();
    return client.getGeneration(id);
  }

  async function fileOf(url: string, { jobs }: Generation): Promise<Buffer> {
    return Buffer.from(await (await fetch(`${url}${jobs[0]?.asset?.url}`)).arrayBuffer());
  }

  it('gives the very pixels that the other draws for the same settings', async () => {
    const drawn = [await draw(mill.url), await draw(front.url)] as const;
    const files = [await fileOf(mill.url, drawn[0]), await fileOf(front.url, drawn[1])];
    const pixels = await Promise.all(files.map((file) => sharp(file).raw().toBuffer()));
    expect(pixels[0]?.equals(pixels[1] ?? Buffer.alloc(0))).toBe(true);
    // The gate of the server in front sees what the other's gate saw.
    const [there, here] = drawn.map(({ jobs }) => jobs[0]?.quality);
    expect(here).toMatchObject({ verdict: 'passed' });
    expect(here?.measures).toEqual(there?.measures);
  });

  it('lets no picture through that its own safety model refuses, or cannot look at', async () => {
    const path = join(folder, 'mean.onnx');
    await writeMeanModel(path);
    const settings = {
      ...{ device: `openai:${mill.url}/v1`, retryPauseMs: 100, maxAttempts: 1 },
      qualityPolicy: { actions: { unsafe: 'review' as const }, limits: { unsafeScore: 0.01 } },
    };
    const guard = await start('guard', { ...settings, safetyModel: { path, size: 8, index: 1 } });
    const blind = await start('blind', { ...settings, safetyModel: { path: `${path}.missing`, size: 8 } });
    try {
      const [held] = (await draw(guard.url)).jobs;
      expect(held).toMatchObject({ state: 'failed', error: { code: 'picture_held' } });
      const [failed] = (await draw(blind.url)).jobs;
      expect(failed?.error?.message).toContain('missing cannot be used');
      expect(failed?.asset).toBeUndefined();
    } finally {
      await guard.close();
      await blind.close();
    }
  });

  it('says in the file what drew it', async () => {
    const file = await fileOf(front.url, await draw(front.url));
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(file)], { type: 'image/png' }), 'a.png');
    const found = (await (await fetch(`${front.url}/v1/assets/inspect`, { method: 'POST', body })).json()) as {
      provenance: object;
    };
    expect(found.provenance).toMatchObject({ engine: 'openai', model: 'Z-Image-Turbo', seed: 5, origin: 'model' });
  });

  it('passes a cancellation on', async () => {
    const client = createClient({ baseUrl: front.url });
    const far = createClient({ baseUrl: mill.url });
    const { id, jobs } = await client.submitGeneration({ ...request, steps: 50, width: 256, height: 256 });
    await vi.waitFor(async () => expect(runningOf(await far.getQueue())).toBe(1), { timeout: 20_000 });
    await client.cancelGeneration(id);
    await vi.waitFor(async () => expect((await client.getJob(jobs[0]?.id ?? '')).state).toBe('cancelled'), 20_000);
    await vi.waitFor(async () => expect(runningOf(await far.getQueue())).toBe(0), { timeout: 20_000 });
  });

  it('keeps jobs while the engine is away, and draws them when it is back', async () => {
    const { port } = new URL(mill.url);
    await mill.close();
    const client = createClient({ baseUrl: front.url });
    const { id } = await client.submitGeneration(request);
    await vi.waitFor(() => expect(front.engine.state).toBe('broken'), { timeout: 20_000 });
    mill = await start('mill', { model: 'models/demo', port: Number(port), calibrate: false, warmUpEveryMs: 0 });
    const done = async () => (await client.getGeneration(id)).state;
    await vi.waitFor(async () => expect(await done()).toBe('succeeded'), { timeout: 60_000, interval: 200 });
  });

  it('does not start with a workflow that cannot draw', async () => {
    const file = join(folder, 'workflow.json');
    for (const [text, words] of [
      ['{"nodes":[]}', 'it is not in API format'],
      ['{"n":{"class_type":"A","inputs":{"text":"{{prompt}}"}}}', 'no place {{seed}}'],
    ] as const) {
      await writeFile(file, text);
      const settings = { device: 'comfyui:http://127.0.0.1:9', comfyuiWorkflow: file };
      await expect(start('other', settings)).rejects.toMatchObject({
        code: 'settings_invalid',
        message: expect.stringContaining(words),
      });
    }
  });

  it('takes no address with credentials', () => {
    const load = () => loadConfig({ overrides: { device: 'openai:http://me:secret@host' }, environment: {} });
    expect(load).toThrow(/openai:http:\/\/<host>:<port>/);
  });
});

function runningOf({ classes }: QueueStatus): number {
  return Object.values(classes).reduce((sum, { running }) => sum + running, 0);
}
