import type { ServerResponse } from 'node:http';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { OpenAiServer, type OpenAiServerOptions } from '../../apps/server/src/adapters/remote/openai-server.ts';
import { RemoteEngine, type RemoteEngineOptions } from '../../apps/server/src/adapters/remote/remote-engine.ts';
import type { DrawOutcome, EngineItem } from '../../apps/server/src/application/engine-port.ts';
import {
  drawn,
  type ImageAnswer,
  type ImageServer,
  plainPng,
  refuse,
  startImageServer,
} from '../support/image-server.ts';
import { quietLog } from '../support/quiet-log.ts';
import { remoteItem } from '../support/remote-item.ts';

function answerWith(response: ServerResponse, picture: object): void {
  response.end(JSON.stringify({ data: [picture] }));
}

const observer = { step: () => undefined, preview: () => undefined };

describe('a remote engine over OpenAI’s API', () => {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });

  async function engineOn(
    answers: readonly ImageAnswer[],
    options: Partial<OpenAiServerOptions & RemoteEngineOptions> & { models?: string[] } = {},
  ): Promise<{ engine: RemoteEngine; server: ImageServer }> {
    const server = await startImageServer(answers, options.models);
    open.push(server);
    const { model, dialect = 'auto', apiKey, ...rest } = options;
    const remote = new OpenAiServer({ baseUrl: `${server.url}/v1`, model, dialect, apiKey });
    const base = { device: `openai:${server.url}`, slots: 2, clock: systemClock, log: quietLog, stuckAfterMs: 0 };
    const engine = new RemoteEngine({ ...base, server: remote, ...rest });
    open.push({ [Symbol.asyncDispose]: () => engine.close() });
    await vi.waitFor(() => expect(engine.status.state).toBe('ready'));
    return { engine, server };
  }

  const draw = (engine: RemoteEngine, changes: Partial<EngineItem> = {}): Promise<DrawOutcome> =>
    engine.draw(remoteItem(changes), observer);
  const faultOf = async (outcome: Promise<DrawOutcome>) => {
    const ended = await outcome;
    return ended.kind === 'failed' ? ended.fault : ended;
  };

  it('asks for one picture with every setting, and encodes it as it was asked for', async () => {
    const { engine, server } = await engineOn([drawn], { model: 'org/name', apiKey: 'secret' });
    const outcome = await draw(engine, { format: 'webp', negativePrompt: 'fog', guidanceScale: 1.5 });
    expect(server.asked).toEqual([
      {
        ...{ model: 'org/name', n: 1, size: '96x64', response_format: 'b64_json', output_format: 'png' },
        ...{ prompt: 'a ship', negative_prompt: 'fog', seed: 7, num_inference_steps: 4, guidance_scale: 1.5 },
      },
    ]);
    expect(server.authorization()).toBe('Bearer secret');
    expect(outcome).toMatchObject({
      kind: 'finished',
      picture: {
        mediaType: 'image/webp',
        width: 96,
        height: 64,
        seed: 7,
        steps: 4,
        executionProvider: 'remote:openai',
      },
    });
    const image = outcome.kind === 'finished' ? outcome.picture.image : new Uint8Array(0);
    expect(await sharp(image).metadata()).toMatchObject({ format: 'webp', width: 96, height: 64 });
  });

  it('passes on nothing that the other server wrote into the file', async () => {
    const { engine } = await engineOn([drawn]);
    const outcome = await draw(engine);
    const image = outcome.kind === 'finished' ? outcome.picture.image : new Uint8Array(0);
    expect(Buffer.from(image).includes('a note of the server')).toBe(false);
  });

  it('tells sd-server by its model, and gives it its settings inside the prompt', async () => {
    const { engine, server } = await engineOn([drawn], { models: ['sd-cpp-local'] });
    const prompt = 'a <sd_cpp_extra_args>{"seed":1}</sd_cpp_extra_args> ship';
    await draw(engine, { prompt, negativePrompt: 'fog', guidanceScale: 0.5 });
    const text = String(server.asked[0]?.['prompt']);
    const tags = [...text.matchAll(/<sd_cpp_extra_args>(.*?)<\/sd_cpp_extra_args>/g)];
    expect(tags.map(([, json]) => JSON.parse(json ?? ''))).toEqual([
      { seed: 7, negative_prompt: 'fog', sample_params: { sample_steps: 4, guidance: { txt_cfg: 1.5 } } },
    ]);
    expect(engine.status.executionProvider).toBe('remote:sd-server');
  });

  it('speaks to LocalAI where it was told to', async () => {
    const { engine, server } = await engineOn([drawn], { dialect: 'localai' });
    await draw(engine, { prompt: 'a ship | a boat', negativePrompt: 'fog' });
    expect(server.asked[0]).toMatchObject({ prompt: 'a ship   a boat|fog', step: 4, seed: 7, cfg_scale: 1 });
  });

  it('waits for an engine that has too much to do, and claims nothing meanwhile', async () => {
    const busy = refuse(429, { error: { message: 'queue full' } }, { 'retry-after': '0.05' });
    const { engine, server } = await engineOn([busy, refuse(503, {}, { 'retry-after': '0' }), drawn]);
    const states = new Set<string>();
    engine.onChange(({ state, problem }) => states.add(`${state} ${problem?.code ?? ''}`));
    expect(await draw(engine)).toMatchObject({ kind: 'finished' });
    expect(server.asked).toHaveLength(3);
    expect(states).toContain('broken engine_overloaded');
    await vi.waitFor(() => expect(engine.status.state).toBe('ready'));
  });

  it('fails an attempt when the engine has too much to do for too long', async () => {
    const { engine } = await engineOn([refuse(503, {}, { 'retry-after': '0.01' })], { busyMs: 30 });
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_overloaded', retryable: true });
  });

  it('takes a refusal as final, in the words of the engine', async () => {
    const said: readonly [unknown, string][] = [
      [{ error: { message: 'size is too large', type: 'x', param: null, code: null } }, 'size is too large'],
      [{ detail: 'Invalid size format' }, 'Invalid size format'],
      [{ detail: [{ loc: ['body', 'prompt'], msg: 'field required' }] }, 'field required'],
      [{ error: 'prompt required' }, 'prompt required'],
    ];
    const { engine } = await engineOn(said.map(([body]) => refuse(400, body)));
    for (const [, words] of said) {
      const fault = await faultOf(draw(engine));
      expect(fault).toMatchObject({
        code: 'engine_refused',
        retryable: false,
        message: expect.stringContaining(words),
      });
    }
  });

  it('tries again what a fault of the engine ended', async () => {
    const { engine } = await engineOn([refuse(500, { error: 'server_error', message: 'boom' })]);
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_fault', retryable: true });
  });

  it('stops claiming when the connection is lost, and takes it up again', async () => {
    const { engine } = await engineOn([(response) => void response.destroy(), drawn]);
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_unreachable', retryable: true });
    expect(engine.status).toMatchObject({ state: 'broken', crashes: 1, problem: { code: 'engine_unreachable' } });
    await vi.waitFor(() => expect(engine.status.state).toBe('ready'), { timeout: 5_000 });
    expect(await draw(engine)).toMatchObject({ kind: 'finished' });
  });

  it('notices in the middle that the engine is gone', async () => {
    const { engine, server } = await engineOn([drawn], { healthMs: 20 });
    await server[Symbol.asyncDispose]();
    await vi.waitFor(() =>
      expect(engine.status).toMatchObject({ state: 'broken', problem: { code: 'engine_unreachable' } }),
    );
  });

  it('takes a picture as a data URL, and from an address of the engine itself', async () => {
    const asData: ImageAnswer = async (response) => {
      const b64_json = `data:image/png;base64,${(await plainPng(96, 64)).toString('base64')}`;
      response.end(JSON.stringify({ data: [{ b64_json }] }));
    };
    const { engine } = await engineOn([asData, (response) => answerWith(response, { url: '/generated/1.png?a=b' })]);
    for (let round = 0; round < 2; round += 1) {
      expect(await draw(engine)).toMatchObject({ kind: 'finished', picture: { width: 96, height: 64 } });
    }
  });

  it('asks no other server for a picture, and does not have it drawn again', async () => {
    const other = await startImageServer([drawn]);
    open.push(other);
    const { engine } = await engineOn([(response) => answerWith(response, { url: `${other.url}/1.png` })]);
    expect(await faultOf(draw(engine))).toMatchObject({
      ...{ code: 'engine_answer_invalid', retryable: false },
      message: expect.stringContaining('the address of another server'),
    });
    expect(other.authorization()).toBeUndefined();
  });

  it('takes a picture that the engine holds back for its content as refused, whatever the status', async () => {
    const error = { code: 'content_policy_violation', message: 'Your request was rejected.', type: 'image_error' };
    const { engine } = await engineOn([refuse(400, { error }), refuse(200, { error })]);
    for (let round = 0; round < 2; round += 1) {
      expect(await faultOf(draw(engine))).toMatchObject({
        ...{ code: 'engine_refused', retryable: false },
        message: expect.stringContaining('Your request was rejected'),
      });
    }
  });

  it('tries again what an error with the status 200 ended, and an answer without pictures', async () => {
    const { engine } = await engineOn([refuse(200, { error: { message: 'worker died' } }), refuse(200, { data: [] })]);
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_fault', retryable: true });
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_answer_invalid', retryable: true });
  });

  it('leaves the page of a proxy out of its words, and knows what will never be there', async () => {
    const page: ImageAnswer = (response) => void response.writeHead(502).end('<html><h1>Bad Gateway</h1></html>');
    const { engine } = await engineOn([page, refuse(501, { message: 'no images here' })]);
    const fault = await faultOf(draw(engine));
    expect(fault).toMatchObject({ code: 'engine_fault', retryable: true });
    expect(JSON.stringify(fault)).not.toContain('<');
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_refused', retryable: false });
  });

  it('waits until the date that a busy engine names', async () => {
    const until = new Date(Date.now() + 1_000).toUTCString();
    const { engine, server } = await engineOn([refuse(429, {}, { 'retry-after': until }), drawn]);
    expect(await draw(engine)).toMatchObject({ kind: 'finished' });
    expect(server.asked).toHaveLength(2);
  });

  it('tries again what broke off or stayed silent in the middle of an answer', async () => {
    const begin: ImageAnswer = (response) => void response.writeHead(200).write('{"data": [{"b64_json": "iVBO');
    const broken: ImageAnswer = async (response, body) => {
      await begin(response, body);
      response.destroy();
    };
    const silent = await engineOn([begin], { stuckAfterMs: 50 });
    expect(await faultOf(draw(silent.engine))).toMatchObject({ code: 'engine_stuck', retryable: true });
    await vi.waitFor(() => expect(silent.server.abandoned()).toBe(1));
    const { engine } = await engineOn([broken]);
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_unreachable', retryable: true });
  });

  it('takes no picture that is many times as large as was asked for', async () => {
    const { engine } = await engineOn([(response) => drawn(response, { size: '960x640' })]);
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_answer_invalid' });
  });

  it('takes no answer without a picture, and no picture that is none', async () => {
    const none: ImageAnswer = (response) => answerWith(response, {});
    const half: ImageAnswer = async (response) => {
      const png = await plainPng(96, 64);
      const b64_json = png.subarray(0, png.length - 40).toString('base64');
      response.end(JSON.stringify({ data: [{ b64_json }] }));
    };
    const { engine } = await engineOn([none, half, (response) => void response.end('<html>')]);
    for (let round = 0; round < 3; round += 1) {
      expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_answer_invalid', retryable: true });
    }
  });

  it('says when the engine drew another size', async () => {
    const smaller: ImageAnswer = (response) => drawn(response, { size: '64x64' });
    const { engine } = await engineOn([smaller]);
    expect(await draw(engine)).toMatchObject({
      picture: { width: 64, height: 64, warnings: [{ code: 'size_changed' }] },
    });
  });

  it('refuses what it cannot pass on', async () => {
    const { engine, server } = await engineOn([drawn]);
    for (const changes of [
      { loras: [{ path: 'a', strength: 1 }] },
      { source: { image: new Uint8Array(1), strength: 0.5 } },
    ]) {
      expect(await faultOf(draw(engine, changes))).toMatchObject({ code: 'engine_unsupported', retryable: false });
    }
    expect(server.asked).toEqual([]);
  });

  it('ends a cancelled picture and the request for it', async () => {
    const { engine, server } = await engineOn([() => undefined]);
    const outcome = draw(engine);
    await vi.waitFor(() => expect(server.asked).toHaveLength(1));
    engine.cancel('job-1:1');
    expect(await outcome).toEqual({ kind: 'cancelled' });
    await vi.waitFor(() => expect(server.abandoned()).toBe(1));
  });

  it('gives up a picture that takes too long', async () => {
    const { engine } = await engineOn([() => undefined], { stuckAfterMs: 50 });
    expect(await faultOf(draw(engine))).toMatchObject({ code: 'engine_stuck', retryable: true });
  });
});
