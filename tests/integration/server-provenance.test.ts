import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Generation, GenerationRequestInput, Inspection } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { writeLora } from '../support/demo-lora.ts';
import { openParts } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const awkward = 'a "red" apple, on 蓝色 ground 🍎\nNegative prompt: of all things\nSteps: 3, Seed: 4, Size: 1x1';

let folder = '';
let parts: Parts;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-provenance-'));
  await writeLora(folder, 'ink', { model, seed: 1, metadata: {} });
  parts = await openParts({ device: 'cpu', model, lorasDirs: [folder], aiLabelProducer: '91110000MA0000000X' });
});
afterAll(async () => {
  await parts?.close();
  await rm(folder, { recursive: true });
});

async function draw(
  input: Partial<GenerationRequestInput>,
  app = parts.app,
): Promise<{ generation: Generation; bytes: Buffer }> {
  const payload = { prompt: awkward, seed: 7, steps: 1, ...input };
  const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload });
  expect(answer.statusCode, answer.body).toBe(202);
  const { id } = answer.json<Generation>();
  const events = await app.inject({ url: `/v1/generations/${id}/events` });
  expect(events.body).toContain('event: generation.finished');
  const generation = (await app.inject({ url: `/v1/generations/${id}` })).json<Generation>();
  const bytes = (await app.inject({ url: generation.jobs[0]?.asset?.url ?? '' })).rawPayload;
  return { generation, bytes };
}

function inspect(bytes: Uint8Array, app = parts.app, headers: Record<string, string> = {}) {
  const boundary = 'x-boundary-x';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="../a.png"\r\n\r\n`;
  return app.inject({
    method: 'POST',
    url: '/v1/assets/inspect',
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  });
}

describe('a picture in every format', () => {
  test.each(['png', 'jpeg', 'webp'] as const)('%s says how it was made and that it was generated', async (format) => {
    const loras = [{ name: 'ink', strength: 0.5 }];
    const { generation, bytes } = await draw({ format, negativePrompt: 'a pear, "green"', guidanceScale: 2, loras });
    const answer = await inspect(bytes);
    expect(answer.statusCode, answer.body).toBe(200);
    const found = answer.json<Inspection>();
    const [job] = generation.jobs;
    expect(found).toMatchObject({ origin: 'imagemill', match: 'exact', asset: job?.asset, sha256: job?.asset?.sha256 });
    expect(found).toMatchObject({ mediaType: `image/${format}`, width: generation.width, height: generation.height });
    expect(found.provenance).toEqual({
      software: 'Imagemill 1.2.3',
      origin: 'model',
      generationId: generation.id,
      jobId: job?.id,
      createdAt: generation.createdAt,
      prompt: awkward,
      negativePrompt: 'a pear, "green"',
      seed: 7,
      steps: 1,
      width: generation.width,
      height: generation.height,
      sampler: 'Euler',
      schedule: 'Simple',
      guidanceScale: 2,
      model: 'demo',
      modelSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      loras: [{ name: 'ink', strength: 0.5, sha256: generation.loras[0]?.sha256 }],
    });
    expect(found.parameters).toContain('CFG scale: 3, Seed: 7,');
    expect(found.parameters).toContain('<lora:ink:0.5>');
    expect(found.aigc).toMatchObject({ Label: '1', ContentProducer: '91110000MA0000000X', ProduceID: job?.id });
    expect(found.digitalSourceType).toBe('http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia');
    expect(bytes.includes(folder)).toBe(false);
    expect(bytes.includes(model)).toBe(false);
  });

  test('other readers find the texts where they look for them, and the pixels whole', async () => {
    const png = await draw({ format: 'png' });
    const { comments, xmp } = await sharp(png.bytes).metadata();
    expect(comments?.find(({ keyword }) => keyword === 'AIGC')?.text).toContain('"Label":"1"');
    expect(comments?.find(({ keyword }) => keyword === 'parameters')?.text).toContain('Steps: 1, Sampler: Euler');
    expect(String(xmp ?? comments?.map(({ text }) => text))).toContain('trainedAlgorithmicMedia');
    for (const format of ['jpeg', 'webp'] as const) {
      const { bytes } = await draw({ format });
      const metadata = await sharp(bytes).metadata();
      expect(String(metadata.xmp)).toContain('<TC260:AIGC>');
      expect(metadata.exif?.includes(Buffer.from('Sampler: Euler', 'utf16le').swap16())).toBe(true);
      expect((await sharp(bytes).raw().toBuffer()).length).toBe(3 * (metadata.width ?? 0) * (metadata.height ?? 0));
    }
  });

  test('a prompt as long as they may be is in every file', async () => {
    const prompt = '图,"\n'.repeat(8_000);
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const { bytes } = await draw({ format, prompt, negativePrompt: prompt, loras: [] });
      expect((await sharp(bytes).raw().toBuffer()).length).toBeGreaterThan(0);
      const { provenance } = (await inspect(bytes)).json<Inspection>();
      expect(provenance?.prompt === prompt && provenance.negativePrompt === prompt).toBe(true);
    }
  });

  test('the command line reads the same', async () => {
    const { generation, bytes } = await draw({ format: 'webp' });
    const file = join(folder, 'picture.webp');
    await writeFile(file, bytes);
    const command = fileURLToPath(new URL('../../apps/cli/bin/imagemill.js', import.meta.url));
    const line = execFileSync(process.execPath, [command, 'inspect', file, '--json'], { encoding: 'utf8' });
    expect(JSON.parse(line)).toMatchObject({ origin: 'imagemill', provenance: { generationId: generation.id } });
    const text = execFileSync(process.execPath, [command, 'inspect', file], { encoding: 'utf8' });
    expect(text).toMatch(/^seed: +7$/m);
  });
});

describe('what the records say', () => {
  test('a file that was changed names its generation but is altered, to its tenant alone', async () => {
    const { bytes } = await draw({ format: 'png' });
    const altered = Buffer.concat([bytes, Buffer.from('more')]);
    expect((await inspect(altered)).json()).toMatchObject({ origin: 'imagemill', match: 'altered' });
    const { headers } = await issueKey(parts, { tenant: 'other', role: 'viewer' });
    for (const file of [bytes, altered]) {
      const answer = (await inspect(file, parts.app, headers)).json<Inspection>();
      expect([answer.match, answer.asset]).toEqual(['none', undefined]);
    }
  });

  test.each([
    ['no picture', Buffer.from('GIF89a....')],
    ['an empty file', Buffer.alloc(0)],
    ['a cut PNG', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])],
    ['a JPEG of nothing', Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 3])],
  ])('%s is refused', async (_name, bytes) => {
    const answer = await inspect(bytes);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().code).toBe('picture_rejected');
  });

  test('damaged files never fault the server', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const { bytes } = await draw({ format });
      for (let at = 0; at < 60; at += 1) {
        const damaged = Buffer.from(bytes.subarray(0, bytes.length - at * 7));
        damaged[(at * 13) % Math.min(400, damaged.length)] = (at * 37) % 256;
        expect([200, 422]).toContain((await inspect(damaged)).statusCode);
      }
    }
  });
});

describe('a device that computes nothing', () => {
  test.each(['png', 'jpeg', 'webp'] as const)(
    'its %s says that no model drew it, and no label says otherwise',
    async (format) => {
      const grey = await openParts({ visibleMark: 'zh' });
      try {
        const { bytes } = await draw({ prompt: 'a cat', format }, grey.app);
        const found = (await inspect(bytes, grey.app)).json<Inspection>();
        expect(found.provenance).toMatchObject({ origin: 'fixed-time', prompt: 'a cat' });
        expect(found.digitalSourceType).toMatch(/\/algorithmicMedia$/);
        expect(found.aigc).toBeUndefined();
        const { data, info } = await sharp(bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
        // The mark stands in the lower right quarter, and its letters are at least 5 % of the shorter side.
        const rows = Array.from({ length: info.height }, (_, y) => data.subarray(y * info.width, (y + 1) * info.width));
        const bright = rows.map((row) => row.some((value) => value > 220));
        const marked = bright.filter(Boolean).length;
        expect(marked).toBeGreaterThanOrEqual(Math.min(info.width, info.height) * 0.05);
        expect(bright.indexOf(true)).toBeGreaterThan(info.height / 2);
      } finally {
        await grey.close();
      }
    },
  );
});
