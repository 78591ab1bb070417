import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { ComfyUiServer } from '../../apps/server/src/adapters/remote/comfyui-server.ts';
import {
  fillWorkflow,
  type Workflow,
  workflowProblem,
  zImageWorkflow,
} from '../../apps/server/src/adapters/remote/comfyui-workflow.ts';
import { RemoteEngine } from '../../apps/server/src/adapters/remote/remote-engine.ts';
import type { DrawOutcome, EngineItem } from '../../apps/server/src/application/engine-port.ts';
import { type ComfyUi, startComfyUi } from '../support/comfyui-server.ts';
import { quietLog } from '../support/quiet-log.ts';
import { remoteItem } from '../support/remote-item.ts';

/** Draws without a model: one colour, the number of the seed. */
const colourWorkflow: Workflow = {
  a: {
    class_type: 'EmptyImage',
    inputs: { width: '{{width}}', height: '{{height}}', batch_size: 1, color: '{{seed}}' },
  },
  s: { class_type: 'PreviewImage', inputs: { images: ['a', 0] }, _meta: { title: '{{prompt}}' } },
};
const observer = { step: () => undefined, preview: () => undefined };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function engineAt(baseUrl: string, workflow = colourWorkflow): Promise<RemoteEngine> {
  const server = new ComfyUiServer({ baseUrl, workflow, clock: systemClock, pollMs: 10 });
  const base = { device: `comfyui:${baseUrl}`, slots: 2, clock: systemClock, log: quietLog, stuckAfterMs: 0 };
  const engine = new RemoteEngine({ ...base, server });
  open.push({ [Symbol.asyncDispose]: () => engine.close() });
  await vi.waitFor(() => expect(engine.status.state).toBe('ready'));
  return engine;
}

const draw = (engine: RemoteEngine, changes: Partial<EngineItem> = {}): Promise<DrawOutcome> =>
  engine.draw(remoteItem(changes), observer);

async function pixelOf(outcome: DrawOutcome): Promise<{ width: number; height: number; rgb: number[] }> {
  if (outcome.kind !== 'finished') throw new Error(JSON.stringify(outcome));
  const { data, info } = await sharp(outcome.picture.image).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: [...data.subarray(0, 3)] };
}

/** A real ComfyUI, which needs no model for these. */
const real = process.env['IMAGEMILL_TEST_COMFYUI'];
const servers: readonly (readonly [string, () => Promise<string>])[] = [
  ['recorded answers', async () => (await started()).url],
  ...(real === undefined ? [] : ([['a real one', async () => real]] as const)),
];

async function started(): Promise<ComfyUi> {
  const server = await startComfyUi();
  open.push(server);
  return server;
}

describe.each(servers)('a remote engine over ComfyUI’s API, with %s', (_name, addressOf) => {
  it('draws by the workflow of the operator, again for the same settings', async () => {
    const engine = await engineAt(await addressOf());
    for (let round = 0; round < 2; round += 1) {
      const picture = await pixelOf(await draw(engine, { seed: 0x2060a0 }));
      expect(picture).toEqual({ width: 96, height: 64, rgb: [0x20, 0x60, 0xa0] });
    }
    expect(engine.status).toMatchObject({ executionProvider: 'remote:comfyui', slots: 2 });
    expect(engine.status.notes[0]).toMatchObject({
      code: 'remote_comfyui',
      message: expect.stringContaining('ComfyUI'),
    });
  });

  it('passes on the words about a workflow that cannot run', async () => {
    const unknown = { ...colourWorkflow, a: { class_type: 'NoSuchNode', inputs: { seed: '{{seed}}' } } };
    expect(await draw(await engineAt(await addressOf(), unknown))).toMatchObject({
      kind: 'failed',
      fault: {
        code: 'engine_refused',
        retryable: false,
        message: expect.stringContaining('NoSuchNode does not exist'),
      },
    });
  });

  it('names the file that ComfyUI does not have', async () => {
    const outcome = await draw(await engineAt(await addressOf(), onlyVae));
    expect(outcome).toMatchObject({
      fault: { code: 'engine_refused', message: expect.stringContaining("'ae.safetensors'") },
    });
  });

  it('leaves no prompt in the history', async () => {
    const url = await addressOf();
    const prompt = `a word for ${Math.random()}`;
    await draw(await engineAt(url), { prompt });
    expect(await (await fetch(`${url}/history`)).text()).not.toContain(prompt);
  });
});

describe('a remote engine over ComfyUI’s API', () => {
  it('stops a picture there that was cancelled here', async () => {
    const server = await started();
    const release = server.hold();
    const engine = await engineAt(server.url);
    const outcome = draw(engine);
    await vi.waitFor(() => expect(server.calls.some((call) => call.startsWith('GET /history/'))).toBe(true));
    engine.cancel('job-1:1');
    expect(await outcome).toEqual({ kind: 'cancelled' });
    expect(server.calls.filter((call) => /^POST \/(interrupt|queue)/.test(call))).toHaveLength(2);
    release();
  });

  it('draws again what a restart of ComfyUI lost', async () => {
    const server = await started();
    const release = server.hold();
    const outcome = draw(await engineAt(server.url));
    await vi.waitFor(() => expect(server.calls.some((call) => call.startsWith('GET /history/'))).toBe(true));
    server.forget();
    expect(await outcome).toMatchObject({ fault: { code: 'engine_crashed', retryable: true } });
    release();
  });

  it('goes on with a picture under way when a look at it fails, and draws nothing twice', async () => {
    const server = await started();
    const engine = await engineAt(server.url);
    for (const [status, text] of [
      [502, '<html>Bad Gateway</html>'],
      [429, '{}'],
      [200, '<html>Please wait</html>'],
      [200, '{"queue_running": 1}'],
    ] as const) {
      server.stumble(3, status, text);
      const before = server.calls.filter((call) => call.startsWith('POST /prompt')).length;
      expect(await draw(engine)).toMatchObject({ kind: 'finished' });
      expect(server.calls.filter((call) => call.startsWith('POST /prompt'))).toHaveLength(before + 1);
    }
  });

  it('stops there what it can no longer look at, and has it drawn again', async () => {
    const server = await started();
    const release = server.hold();
    const engine = await engineAt(server.url);
    server.stumble(100, 500, 'boom');
    expect(await draw(engine)).toMatchObject({ fault: { code: 'engine_fault', retryable: true } });
    expect(server.calls.filter((call) => /^POST \/(interrupt|queue)/.test(call))).toHaveLength(2);
    release();
  });

  it('draws again what somebody else stopped there', async () => {
    const server = await started();
    const release = server.hold();
    const outcome = draw(await engineAt(server.url));
    await vi.waitFor(() => expect(server.calls.some((call) => call.startsWith('GET /history/'))).toBe(true));
    server.interrupt();
    expect(await outcome).toMatchObject({ fault: { code: 'engine_crashed', retryable: true } });
    expect(server.calls.filter((call) => call.startsWith('POST /interrupt'))).toEqual([]);
    release();
  });

  it('needs no WebSocket for the picture: one that drops takes the steps with it and nothing else', async () => {
    const server = await started();
    server.dropSockets();
    const release = server.hold();
    const engine = await engineAt(server.url);
    const steps: number[] = [];
    const outcome = engine.draw(remoteItem({}), { ...observer, step: (step) => steps.push(step) });
    await vi.waitFor(() => expect(steps).toEqual([1]));
    release();
    expect(await outcome).toMatchObject({ kind: 'finished' });
  });

  it('tells a lack of memory, which may pass, from other faults of a node', async () => {
    const server = await started();
    const engine = await engineAt(server.url);
    server.failNext('torch.OutOfMemoryError', 'Allocation on device');
    expect(await draw(engine)).toMatchObject({ fault: { code: 'engine_fault', retryable: true } });
    server.failNext('ValueError', 'no such thing');
    expect(await draw(engine)).toMatchObject({
      fault: { code: 'engine_fault', retryable: false, message: expect.stringContaining('EmptyImage: no such thing') },
    });
  });
});

describe('a workflow', () => {
  it('gets values of their own types, and prompts as they are', () => {
    const prompt = 'a "quoted" {{seed}} $& ship';
    const filled = fillWorkflow(zImageWorkflow, remoteItem({ prompt, guidanceScale: 1.5, seed: 4_294_967_295 }));
    expect(filled['positive']?.inputs['text']).toBe(prompt);
    expect(filled['draw']?.inputs).toMatchObject({ seed: 4_294_967_295, steps: 4, cfg: 2.5, model: ['shift', 0] });
    expect(filled['noise']?.inputs).toEqual({ width: 96, height: 64, batch_size: 1 });
    const title = { t: { class_type: 'T', inputs: { name: 'n-{{seed}}', text: 'x {{prompt}} y' } } };
    expect(fillWorkflow(title, remoteItem({ prompt }))['t']?.inputs).toEqual({ name: 'n-7', text: `x ${prompt} y` });
  });

  it('is refused without places for prompt and seed, and with places that are not known', () => {
    const withText = (text: string): Workflow => ({ n: { class_type: 'Any', inputs: { text } } });
    expect(workflowProblem(withText('{{prompt}} {{seed}}'))).toBeUndefined();
    expect(workflowProblem(withText('{{prompt}}'))).toContain('no place {{seed}}');
    expect(workflowProblem(withText('{{prompt}} {{seed}} {{sede}}'))).toContain('{{sede}}');
  });
});

const onlyVae: Workflow = {
  b: { class_type: 'VAELoader', inputs: { vae_name: 'ae.safetensors' } },
  l: { class_type: 'EmptySD3LatentImage', inputs: { width: '{{width}}', height: '{{height}}', batch_size: 1 } },
  d: { class_type: 'VAEDecode', inputs: { samples: ['l', 0], vae: ['b', 0] } },
  s: { class_type: 'PreviewImage', inputs: { images: ['d', 0] } },
};
