import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Asset, Generation, GenerationRequestInput, Problem } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

let parts: Parts;
let image: Buffer;
let mask: Buffer;
beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model, maxUploadBytes: 200_000, maxUploadPixels: 1_000_000 });
  const disc = (inner: string, outer: string): Buffer =>
    Buffer.from(
      `<svg width="192" height="128"><rect width="192" height="128" fill="${outer}"/><circle cx="64" cy="64" r="40" fill="${inner}"/></svg>`,
    );
  image = await sharp(disc('#d02020', '#3050c0')).png().toBuffer();
  mask = await sharp(disc('#fff', '#000')).png().toBuffer();
});
afterAll(() => parts.close());

function upload(bytes: Uint8Array, headers: Record<string, string> = {}) {
  const boundary = 'x-boundary-x';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="../../a.png"\r\ncontent-type: image/png\r\n\r\n`;
  const payload = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return parts.app.inject({ method: 'POST', url: '/v1/assets', headers: { ...type, ...headers }, payload });
}

async function stored(bytes: Uint8Array): Promise<Asset> {
  const answer = await upload(bytes);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

const request = { prompt: 'a green leaf on a white background', seed: 7, steps: 4 };

function submit(input: Partial<GenerationRequestInput>) {
  return parts.app.inject({ method: 'POST', url: '/v1/generations', payload: { ...request, ...input } });
}

async function draw(input: Partial<GenerationRequestInput>): Promise<{ generation: Generation; pixels: Buffer }> {
  const accepted = await submit(input);
  expect(accepted.statusCode, accepted.body).toBe(202);
  const { id } = accepted.json<Generation>();
  await parts.app.inject({ url: `/v1/generations/${id}/events` });
  const generation = (await parts.app.inject({ url: `/v1/generations/${id}` })).json<Generation>();
  const picture = await parts.app.inject({ url: generation.jobs[0]?.asset?.url ?? '' });
  return { generation, pixels: await sharp(picture.rawPayload).raw().toBuffer() };
}

/** A PNG whose header announces a size that its few bytes of data do not have. */
async function bomb(side: number): Promise<Buffer> {
  const small = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  small.writeUInt32BE(side, 16);
  small.writeUInt32BE(side, 20);
  const { crc32 } = await import('node:zlib');
  small.writeUInt32BE(crc32(small.subarray(12, 29)), 29);
  return small;
}

describe('uploading a picture', () => {
  test('keeps it by content: the same bytes give the same asset, which can be read back', async () => {
    const first = await stored(image);
    expect(first).toMatchObject({ mediaType: 'image/png', width: 192, height: 128, sizeBytes: image.length });
    expect(await stored(image)).toEqual(first);
    expect((await parts.app.inject({ url: first.url })).rawPayload.equals(image)).toBe(true);
  });

  test.each(['jpeg', 'webp'] as const)('takes %s', async (format) => {
    const asset = await stored(await sharp(image).toFormat(format).toBuffer());
    expect(asset).toMatchObject({ mediaType: `image/${format}`, width: 192, height: 128 });
  });

  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['text', () => Buffer.from('<script>alert(1)</script>'), 'not a PNG, JPEG or WebP'],
    ['an SVG', () => Buffer.from('<svg width="9" height="9"/>'), 'not a PNG, JPEG or WebP'],
    ['a GIF', () => sharp(image).gif().toBuffer(), 'not a PNG, JPEG or WebP'],
    ['nothing', () => Buffer.alloc(0), 'not a PNG, JPEG or WebP'],
    ['a decompression bomb', () => bomb(60_000), 'cannot be decoded|pixels'],
    [
      'a picture of too many pixels',
      () => sharp(image).resize(1001, 1000).png().toBuffer(),
      '1001 × 1000 pixels|pixel limit',
    ],
    ['a PNG that is also a ZIP', () => Buffer.concat([image, Buffer.from('PK\u0003\u0004 archive')]), 'something else'],
    [
      'a JPEG with a script after it',
      async () => Buffer.concat([await sharp(image).jpeg().toBuffer(), Buffer.from('<?php')]),
      'something else',
    ],
    [
      'a WebP with bytes after it',
      async () => Buffer.concat([await sharp(image).webp().toBuffer(), Buffer.from('tail')]),
      'something else',
    ],
    ['a PNG cut in the middle', () => image.subarray(0, image.length / 2), 'ends before'],
    ['a JPEG cut in the middle', async () => (await sharp(image).jpeg().toBuffer()).subarray(0, 800), 'ends before'],
    ['a PNG with damaged data', () => damaged(image), 'cannot be decoded'],
  ])('refuses %s', async (_what, make, why) => {
    const answer = await upload(await make());
    expect(answer.statusCode).toBe(422);
    expect(answer.json<Problem>()).toMatchObject({ code: 'picture_rejected', detail: expect.stringMatching(why) });
  });

  test('refuses a file of too many bytes and a request without a file', async () => {
    const large = await upload(Buffer.alloc(200_001));
    expect([large.statusCode, large.json<Problem>().code]).toEqual([413, 'upload_too_large']);
    const none = await parts.app.inject({ method: 'POST', url: '/v1/assets', payload: {} });
    expect(none.json<Problem>()).toMatchObject({ code: 'validation_failed', errors: [{ field: 'file' }] });
  });

  test('asks for the permission to write assets, and shows the picture to no other tenant', async () => {
    const viewer = await issueKey(parts, { role: 'viewer' });
    expect((await upload(image, viewer.headers)).statusCode).toBe(403);
    const { id, url } = await stored(image);
    const other = await issueKey(parts, { tenant: 'other', role: 'member' });
    expect((await parts.app.inject({ url, headers: other.headers })).statusCode).toBe(404);
    const payload = { ...request, image: { assetId: id } };
    const used = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers: other.headers, payload });
    expect(used.json<Problem>()).toMatchObject({ code: 'validation_failed', errors: [{ field: 'image.assetId' }] });
    const own = await upload(image, other.headers);
    expect(own.json<Asset>().id).not.toBe(id);
  });
});

describe('drawing from a picture', () => {
  test('takes the size of the picture, keeps what it was drawn from on record, and is told by its strength', async () => {
    const { id: assetId, sha256 } = await stored(image);
    const [near, far, plain] = await Promise.all([
      draw({ image: { assetId, strength: 0.1 } }),
      draw({ image: { assetId, strength: 1 } }),
      draw({ width: 192, height: 128 }),
    ]);
    expect(near.generation).toMatchObject({ width: 192, height: 128, image: { assetId, sha256, strength: 0.1 } });
    expect(plain.generation).not.toHaveProperty('image');
    const source = await sharp(image).removeAlpha().raw().toBuffer();
    expect(difference(near.pixels, source)).toBeLessThan(difference(far.pixels, source) * 0.7);
  });

  test('repaints what is white in the mask and leaves every other pixel as it was', async () => {
    const [{ id: assetId }, { id: maskId }] = [await stored(image), await stored(mask)];
    const { pixels } = await draw({ image: { assetId, strength: 1 }, mask: { assetId: maskId } });
    const source = await sharp(image).removeAlpha().raw().toBuffer();
    const white = await sharp(mask).removeAlpha().raw().toBuffer();
    expect(difference(pixels, source, (at) => (white[at] ?? 0) < 128)).toBe(0);
    expect(difference(pixels, source, (at) => (white[at] ?? 0) >= 128)).toBeGreaterThan(10);
  });

  test.each<[string, Partial<GenerationRequestInput>, string]>([
    ['a picture that is not there', { image: { assetId: 'nope' } }, 'image.assetId'],
    ['a mask without a picture', { mask: { assetId: 'nope' } }, 'image'],
    ['strength 0', { image: { assetId: 'x', strength: 0 } }, 'image.strength'],
    ['strength above 1', { image: { assetId: 'x', strength: 1.1 } }, 'image.strength'],
  ])('refuses %s', async (_what, input, field) => {
    const answer = await submit(input);
    expect(answer.statusCode).toBe(422);
    expect(answer.json<Problem>().errors).toMatchObject([{ field }]);
  });
});

/** Mean difference in levels of a channel. */
function difference(a: Buffer, b: Buffer, among: (at: number) => boolean = () => true): number {
  const at = [...a.keys()].filter(among);
  return at.reduce((sum, index) => sum + Math.abs((a[index] ?? 0) - (b[index] ?? 0)), 0) / at.length;
}

/** The same chunks with the compressed pixels replaced by those of fewer. */
async function damaged(png: Buffer): Promise<Buffer> {
  const { crc32 } = await import('node:zlib');
  const data = deflateSync(Buffer.alloc(50));
  const at = png.indexOf('IDAT') - 4;
  const after = at + 12 + png.readUInt32BE(at);
  const body = Buffer.concat([Buffer.from('IDAT'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([png.subarray(0, at), length, body, crc, png.subarray(after)]);
}
