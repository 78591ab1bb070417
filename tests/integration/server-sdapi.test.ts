import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StableDiffusionApi } from 'stable-diffusion-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { writeLora } from '../support/demo-lora.ts';
import { openParts } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

let folder = '';
let parts: Parts;
let baseUrl = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-sdapi-'));
  await writeLora(folder, 'ink', { model, seed: 1, metadata: {} });
  parts = await openParts({ device: 'cpu', model, lorasDirs: [folder], requireKey: true });
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  baseUrl = `http://127.0.0.1:${(parts.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await parts?.close();
  await rm(folder, { recursive: true });
});

async function client(tenant = 'default'): Promise<StableDiffusionApi> {
  const { text } = await issueKey(parts, { tenant, role: 'member' });
  return new StableDiffusionApi({ baseUrl, timeout: 120_000, defaultStepCount: 2 }).setAuth('anybody', text);
}

const small = { prompt: 'a red apple on a blue background', width: 128, height: 128, steps: 2, cfg_scale: 1 };

interface Info {
  readonly seed: number;
  readonly all_seeds: readonly number[];
  readonly infotexts: readonly string[];
  readonly prompt: string;
  readonly sd_model_name: string;
}

function infoOf({ info }: { info: unknown }): Info {
  expect(typeof info).toBe('string');
  return JSON.parse(String(info));
}

/** The status and body that a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<{ status: number; data: Record<string, unknown> }> {
  try {
    await call;
  } catch (error) {
    const { response } = error as { response?: { status: number; data: Record<string, unknown> } };
    if (response !== undefined) return { status: response.status, data: response.data };
    throw error;
  }
  throw new Error('It was not refused.');
}

/** The progress once there is some; the server draws on while it is asked. */
async function underWay(api: StableDiffusionApi, drawing: Promise<unknown>): Promise<{ readonly state: unknown }> {
  let hasEnded = false;
  const end = (): void => {
    hasEnded = true;
  };
  drawing.then(end, end);
  let answer = await api.getProgress();
  while (answer.progress === 0 && !hasEnded) answer = await api.getProgress();
  return answer;
}

describe('a client of A1111', () => {
  test('draws a batch with a LoRA from the prompt and reads the seeds from info', async () => {
    const api = await client();
    const prompt = `${small.prompt} <lora:ink:0.5>`;
    const result = await api.txt2img({ ...small, prompt, seed: 41, batch_size: 2, negative_prompt: 'a pear' });
    expect(result.images.length).toBe(2);
    for (const image of result.images) {
      expect(await image.metadata()).toMatchObject({ format: 'png', width: 128, height: 128 });
    }
    const info = infoOf(result);
    expect(info).toMatchObject({
      seed: 41,
      all_seeds: [41, 42],
      prompt,
      sd_model_name: 'demo',
      all_negative_prompts: ['a pear', 'a pear'],
    });
    expect(info.infotexts[0]).toMatch(
      /^a red apple on a blue background <lora:ink:0.5>\nNegative prompt: a pear\nSteps: 2, Sampler: Euler,/,
    );
    expect(result.parameters).toMatchObject({ batch_size: 2, sampler_name: 'Euler a' });
  });

  test('finds in a picture what it was drawn with, and the same seed draws the same', async () => {
    const api = await client();
    const first = await api.txt2img({ ...small, seed: 5 });
    const raw = first.response.data as { images: string[] };
    const { data } = await api.api.post('/sdapi/v1/png-info', { image: `data:image/png;base64,${raw.images[0]}` });
    expect(data.parameters).toMatchObject({
      Prompt: small.prompt,
      Steps: '2',
      Seed: '5',
      'Size-1': '128',
      Sampler: 'Euler',
      'CFG scale': '1',
    });
    expect(data.info).toBe(infoOf(first).infotexts[0]);
    const again = await api.txt2img({ ...small, seed: 5 });
    const pixels = await Promise.all([first, again].map(({ image }) => image.raw().toBuffer()));
    expect(pixels[0]?.equals(pixels[1] ?? Buffer.alloc(0))).toBe(true);
  });

  test('picks a seed for -1, rounds sides to the grain, and sends no pictures unasked', async () => {
    const api = await client();
    const result = await api.txt2img({ ...small, width: 150, height: 120, seed: -1, send_images: false });
    expect(result.images).toEqual([]);
    const info = infoOf(result);
    expect(info.seed).toBeGreaterThanOrEqual(0);
    expect(info).toMatchObject({ width: 160, height: 128 });
  });

  test('chooses model and format by options of its own key, which no other key sees', async () => {
    const [mine, other] = [await client(), await client()];
    const [listed] = await mine.getSdModels();
    expect(listed?.title).toMatch(/^demo \[[0-9a-f]{10}\]$/);
    await mine.setOptions({ sd_model_checkpoint: listed?.title, samples_format: 'webp' });
    expect(await mine.getOptions()).toMatchObject({ samples_format: 'webp', sd_model_checkpoint: listed?.title });
    expect(await other.getOptions()).toMatchObject({ samples_format: 'png' });
    const drawn = await mine.txt2img({ ...small });
    expect((await drawn.image.metadata()).format).toBe('webp');
    const override = { sd_model_checkpoint: listed?.title ?? '', samples_format: 'jpg' };
    const overridden = await mine.txt2img({ ...small, override_settings: override });
    expect((await overridden.image.metadata()).format).toBe('jpeg');
  });

  test('sees the progress of its own drawing alone and interrupts it', async () => {
    const [mine, other] = [await client(), await client('other')];
    expect(await mine.getProgress()).toMatchObject({ progress: 0, current_image: null, state: { job_count: 0 } });
    const drawing = mine.txt2img({ ...small, width: 256, height: 256, steps: 60, batch_size: 4 });
    const state = await underWay(mine, drawing);
    expect(state.state).toMatchObject({ job_count: 4, sampling_steps: 60 });
    expect(await other.getProgress()).toMatchObject({ progress: 0, state: { job_count: 0 } });
    await other.api.post('/sdapi/v1/interrupt');
    expect((await mine.getProgress()).state).toMatchObject({ interrupted: false });
    await mine.api.post('/sdapi/v1/interrupt');
    const result = await drawing;
    expect(result.images.length).toBeLessThan(4);
    expect(infoOf(result).sd_model_name).toBe('demo');
    expect(await mine.getProgress()).toMatchObject({ progress: 0 });
  });

  test('skips one picture of a batch', async () => {
    const api = await client();
    const drawing = api.txt2img({ ...small, width: 256, height: 256, steps: 40, batch_size: 2 });
    await underWay(api, drawing);
    await api.api.post('/sdapi/v1/skip');
    expect((await drawing).images.length).toBe(1);
  });

  test('lists what there is', async () => {
    const api = await client();
    const samplers = await api.getSamplers();
    expect(samplers.map(({ name }) => name)).toEqual(['Euler']);
    const { data: loras } = await api.api.get('/sdapi/v1/loras');
    expect(loras).toMatchObject([{ name: 'ink', alias: 'ink', path: 'ink.safetensors' }]);
    expect(await api.getUpscalers()).toMatchObject([{ name: 'None' }, { name: 'Lanczos' }, { name: 'Nearest' }]);
    for (const path of [
      'schedulers',
      'cmd-flags',
      'memory',
      'embeddings',
      'hypernetworks',
      'prompt-styles',
      'scripts',
      'sd-vae',
    ]) {
      expect((await api.api.get(`/sdapi/v1/${path}`)).status).toBe(200);
    }
    expect((await api.api.post('/sdapi/v1/refresh-loras')).data).toBeNull();
  });
});

describe('what A1111 refuses', () => {
  test('an unknown sampler, checkpoint, script and wrong types are refused in its shapes', async () => {
    const api = await client();
    const sampler = await refusal(api.txt2img({ ...small, sampler_name: 'Eulr' }));
    expect(sampler).toEqual({
      status: 404,
      data: { error: 'HTTPException', detail: 'Sampler not found', body: '', errors: 'Sampler not found' },
    });
    const checkpoint = await refusal(api.txt2img({ ...small, override_settings: { sd_model_checkpoint: 'sdxl' } }));
    expect(checkpoint).toMatchObject({ status: 404, data: { detail: 'Checkpoint not found: sdxl' } });
    const script = await refusal(api.api.post('/sdapi/v1/txt2img', { ...small, script_name: 'x' }));
    expect(script).toMatchObject({ status: 422, data: { detail: "Script 'x' not found" } });
    const wrong = await refusal(api.api.post('/sdapi/v1/txt2img', { ...small, steps: 'many', batch_size: 0 }));
    expect(wrong).toMatchObject({
      status: 422,
      data: { detail: [{ loc: ['body', 'batch_size'] }, { loc: ['body', 'steps'] }] },
    });
    const lora = await refusal(api.txt2img({ ...small, prompt: 'a <lora:none:1>' }));
    expect(lora).toMatchObject({ status: 422, data: { detail: [{ loc: ['body', 'loras', '0', 'name'] }] } });
  });

  test('a wrong password, a viewer who draws, and rubbish as a picture', async () => {
    const stranger = new StableDiffusionApi({ baseUrl }).setAuth('anybody', 'wrong');
    expect(await refusal(stranger.getOptions())).toEqual({
      status: 401,
      data: { detail: 'Incorrect username or password' },
    });
    const { text } = await issueKey(parts, { role: 'viewer' });
    const viewer = new StableDiffusionApi({ baseUrl }).setAuth('', text);
    expect(await refusal(viewer.txt2img({ ...small }))).toMatchObject({ status: 403, data: { body: '' } });
    const api = await client();
    expect(await refusal(api.api.post('/sdapi/v1/png-info', { image: 'rubbish' }))).toMatchObject({ status: 422 });
    const { text: mine } = await issueKey(parts, { role: 'member' });
    const broken = await fetch(`${baseUrl}/sdapi/v1/txt2img`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mine}`, 'content-type': 'application/json' },
      body: '{"prompt":',
    });
    expect([broken.status, await broken.json()]).toMatchObject([400, { error: 'HTTPException' }]);
  });
});
