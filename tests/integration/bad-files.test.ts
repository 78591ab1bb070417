/** Files that are meant to harm, at every door that takes one: one clear refusal each, little time, little memory. */
import { crc32, deflateSync } from 'node:zlib';
import AdmZip from 'adm-zip';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { openParts } from '../support/server-parts.ts';

const MAX_PIXELS = 4_000_000;
let parts: Parts;
let good: Buffer;
let files: Readonly<Record<BadFile, Buffer>>;

beforeAll(async () => {
  const model = new URL('../../models/demo', import.meta.url).pathname;
  parts = await openParts({ device: 'fixed:0', model, maxUploadBytes: 500_000, maxUploadPixels: MAX_PIXELS });
  good = await picture(64, 64);
  files = await badFiles();
});
afterAll(() => parts?.close());

function picture(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#c33' } })
    .png()
    .toBuffer();
}

function chunk(type: string, data: Buffer): Buffer {
  const framed = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
  framed.writeUInt32BE(data.length, 0);
  framed.writeUInt32BE(crc32(framed.subarray(4, -4)), framed.length - 4);
  return framed;
}

/** A PNG with a chunk before its last one. */
function withChunk(png: Buffer, type: string, data: Buffer): Buffer {
  return Buffer.concat([png.subarray(0, -12), chunk(type, data), png.subarray(-12)]);
}

/** A PNG whose header tells another size. */
function ofSize(png: Buffer, side: number): Buffer {
  const header = Buffer.from(png.subarray(16, 29));
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  return Buffer.concat([png.subarray(0, 8), chunk('IHDR', header), png.subarray(33)]);
}

function archive(): Buffer {
  const zip = new AdmZip();
  zip.addFile('Main.class', Buffer.from('cafebabe', 'hex'));
  return zip.toBuffer();
}

/** A PNG that is a whole archive too: its last record has the end of the picture as a comment. */
function archiveInside(png: Buffer): Buffer {
  const zip = archive();
  zip.writeUInt16LE(16, zip.length - 2);
  return withChunk(png, 'zzZz', zip);
}

async function badFiles() {
  const jpeg = await sharp(good).jpeg().toBuffer();
  const webp = await sharp(good).webp().toBuffer();
  const animated = await sharp([good, await sharp(good).negate().png().toBuffer()], { join: { animated: true } })
    .webp({ loop: 0 })
    .toBuffer();
  // All of its pixels are there: 100 megapixels of one colour in 100 kB.
  const rows = deflateSync(Buffer.alloc(10_000 * (1 + 10_000 / 8)), { level: 9 });
  const head = Buffer.alloc(13);
  head.writeUInt32BE(10_000, 0);
  head.writeUInt32BE(10_000, 4);
  head[8] = 1;
  const large = [good.subarray(0, 8), chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))];
  return {
    'a header of 3.6 gigapixels': ofSize(good, 60_000),
    '100 megapixels in a small file': Buffer.concat(large),
    'data that unpacks to far more than the picture has': Buffer.concat([
      ...[good.subarray(0, 33), chunk('IDAT', deflateSync(Buffer.alloc(300_000_000), { level: 9 }))],
      chunk('IEND', Buffer.alloc(0)),
    ]).subarray(0, 200_000),
    'a PNG with a ZIP behind it': Buffer.concat([good, archive()]),
    'a PNG with a ZIP inside': archiveInside(good),
    'a JPEG with HTML behind it': Buffer.concat([jpeg, Buffer.from('<script>alert(1)</script>')]),
    'a WebP with PHP behind it': Buffer.concat([webp, Buffer.from('<?php system($_GET[0]);')]),
    'a GIF that is an archive': Buffer.concat([await sharp(good).gif().toBuffer(), archive()]),
    'an SVG that names a file': Buffer.from('<svg><image href="file:///etc/passwd"/></svg>'),
    'a picture that moves': animated,
    'a PDF': Buffer.from('%PDF-1.7\n'),
    'half a PNG': good.subarray(0, good.length / 2),
    nothing: Buffer.alloc(0),
    'too many bytes': Buffer.concat([good.subarray(0, -12), chunk('ruBb', Buffer.alloc(600_000)), good.subarray(-12)]),
  } as const;
}
type BadFile = keyof Awaited<ReturnType<typeof badFiles>>;
const names: readonly BadFile[] = [
  'a header of 3.6 gigapixels',
  '100 megapixels in a small file',
  'data that unpacks to far more than the picture has',
  'a PNG with a ZIP behind it',
  'a PNG with a ZIP inside',
  'a JPEG with HTML behind it',
  'a WebP with PHP behind it',
  'a GIF that is an archive',
  'an SVG that names a file',
  'a picture that moves',
  'a PDF',
  'half a PNG',
  'nothing',
  'too many bytes',
];

interface Answer {
  readonly status: number;
  /** As the door spells it. */
  readonly code: string;
  readonly body: string;
}
type Door = (file: Buffer, name?: string) => Promise<Answer>;

async function form(url: string, fields: Readonly<Record<string, Buffer | string>>, name = 'x.png'): Promise<Answer> {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value === 'string') data.append(field, value);
    else data.append(field, new Blob([new Uint8Array(value)]), name);
  }
  const request = new Request('http://x', { method: 'POST', body: data });
  const payload = Buffer.from(await request.arrayBuffer());
  return post(url, payload, { 'content-type': request.headers.get('content-type') ?? '' });
}

async function post(url: string, payload: Buffer | object, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await parts.app.inject({ method: 'POST', url, payload, headers });
  const told = answer.json<{ code?: string; error?: { code: string } | string }>();
  const code = told.code ?? (typeof told.error === 'string' ? told.error : told.error?.code) ?? '';
  return { status: answer.statusCode, code, body: answer.body };
}

async function fileId(file: Buffer): Promise<string> {
  const answer = await form('/v1/files', { purpose: 'vision', file });
  expect(answer.status, answer.body).toBe(200);
  return JSON.parse(answer.body).id;
}

/** What became of the only line of a batch. */
async function batchLine(file: Buffer): Promise<Answer> {
  const body = { prompt: 'x', images: [{ file_id: await fileId(file) }] };
  const line = JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/images/edits', body });
  const lines = await form('/v1/files', { purpose: 'batch', file: Buffer.from(line) }, 'a.jsonl');
  const wanted = { input_file_id: JSON.parse(lines.body).id, endpoint: '/v1/images/edits', completion_window: '1h' };
  const { id } = JSON.parse((await post('/v1/batches', wanted)).body);
  for (;;) {
    const batch = (await parts.app.inject({ url: `/v1/batches/${id}` })).json();
    if (batch.status === 'completed') {
      const answers = await parts.app.inject({ url: `/v1/files/${batch.error_file_id}/content` });
      const { response } = JSON.parse(answers.body);
      return { status: response.status_code, code: response.body.error.code, body: JSON.stringify(response.body) };
    }
    await new Promise(setImmediate);
  }
}

const base64 = (file: Buffer): string => file.toString('base64');
const dataUrl = (file: Buffer): string => `data:image/png;base64,${base64(file)}`;
const small = { prompt: 'x', steps: 1, width: 64, height: 64 };
const edits = '/v1/images/edits';

/** Doors that draw from a picture or keep it. */
const doors: readonly (readonly [string, Door])[] = [
  ['/v1/assets', (file, name) => form('/v1/assets', { file }, name)],
  ['edits as a form', (file, name) => form(edits, { prompt: 'x', image: file }, name)],
  ['the mask of edits', (file, name) => form(edits, { prompt: 'x', image: good, mask: file }, name)],
  ['edits as JSON', (file) => post(edits, { prompt: 'x', images: [{ image_url: dataUrl(file) }] })],
  [
    'the mask of edits as JSON',
    (file) => post(edits, { prompt: 'x', images: [{ image_url: dataUrl(good) }], mask: { image_url: dataUrl(file) } }),
  ],
  ['edits of a file', async (file) => post(edits, { prompt: 'x', images: [{ file_id: await fileId(file) }] })],
  ['a line of a batch', batchLine],
  ['init_images', (file) => post('/sdapi/v1/img2img', { ...small, init_images: [base64(good), base64(file)] })],
  [
    'the mask of img2img',
    (file) => post('/sdapi/v1/img2img', { ...small, init_images: [base64(good)], mask: dataUrl(file) }),
  ],
  ['extra-single-image', (file) => post('/sdapi/v1/extra-single-image', { image: base64(file) })],
  ['extra-batch-images', (file) => post('/sdapi/v1/extra-batch-images', { imageList: [{ data: base64(file) }] })],
];

describe.each(doors)('%s', (name, send) => {
  it.each(names)('refuses %s', async (bad) => {
    const { status, code, body } = await send(files[bad]);
    const isSdapi = /init_images|img2img|extra/.test(name);
    if (bad === 'nothing' && (isSdapi || /JSON/.test(name))) {
      // There is no such text.
      expect([status, body]).toEqual([isSdapi ? 422 : 400, expect.any(String)]);
      return;
    }
    const isLarge = bad === 'too many bytes';
    const refused = isSdapi ? 422 : /assets/.test(name) ? 422 : 400;
    expect(status, body).toBe(isLarge ? 413 : refused);
    if (isSdapi) expect(body).toMatch(isLarge ? /500000 bytes/ : /"error":"HTTPException".*Invalid encoded image/);
    else expect(code, body).toBe(isLarge ? 'upload_too_large' : 'picture_rejected');
    expect(body).not.toMatch(/\/tmp\/|node_modules|at Object|vips/i);
  });

  it('takes a good picture, whatever its name', async () => {
    if (name === 'a line of a batch') return;
    for (const hostile of ['../../../etc/passwd', '..\\..\\x.png', 'a\u0000b.png', `${'x'.repeat(5_000)}.png`, '.']) {
      const { status, body } = await send(good, hostile);
      expect([200, 201], body).toContain(status);
    }
  });
});

describe('doors that only look into a picture', () => {
  const look = (file: Buffer): Promise<Answer[]> =>
    Promise.all([form('/v1/assets/inspect', { file }), post('/sdapi/v1/png-info', { image: base64(file) || '=' })]);

  it('decode nothing, and say of what is no picture that it is none', async () => {
    for (const bad of names) {
      const isPicture = !['a GIF that is an archive', 'an SVG that names a file', 'a PDF', 'nothing'].includes(bad);
      for (const { status, body } of await look(files[bad]))
        expect([bad, status], body).toEqual([bad, isPicture ? 200 : 422]);
    }
  });

  it('leave texts closed that would unpack to more than there is room for', async () => {
    const zipped = deflateSync(Buffer.alloc(200_000_000, 'a'), { level: 9 });
    for (const [type, head] of [
      ['zTXt', 'parameters\0\0'],
      ['iTXt', 'parameters\0\u0001\0\0\0'],
    ] as const) {
      const file = withChunk(good, type, Buffer.concat([Buffer.from(head, 'latin1'), zipped]));
      for (const { status, body } of await look(file)) expect([status, body.length < 10_000]).toEqual([200, true]);
    }
  });
});

describe('a request with many pictures', () => {
  it('is refused before anything is drawn when they are too many pixels together', async () => {
    const large = base64(await picture(2_000, 1_900));
    const from = await post('/sdapi/v1/img2img', { ...small, init_images: Array(5).fill(large) });
    expect([from.status, from.body]).toEqual([422, expect.stringContaining(`${4 * MAX_PIXELS} pixels together`)]);
    const list = { imageList: Array(2).fill({ data: large }), upscaler_1: 'Lanczos', upscaling_resize: 1 };
    const extra = await post('/sdapi/v1/extra-batch-images', list);
    expect([extra.status, extra.body]).toEqual([422, expect.stringContaining('send fewer at once')]);
    expect((await post('/sdapi/v1/extra-batch-images', { imageList: Array(101).fill({ data: 'x' }) })).status).toBe(
      422,
    );
  });
});

describe('a picture that holds other text', () => {
  it('is kept, and sent as a picture that no browser takes for a page', async () => {
    const page = withChunk(good, 'tEXt', Buffer.from('Comment\0<html><script>alert(1)</script>'));
    const answer = await form('/v1/assets', { file: page });
    expect(answer.status, answer.body).toBe(201);
    const sent = await parts.app.inject({ url: JSON.parse(answer.body).url });
    expect(sent.headers).toMatchObject({ 'content-type': 'image/png', 'x-content-type-options': 'nosniff' });
    expect(sent.headers['content-security-policy']).toMatch(/default-src 'none'|sandbox|script-src/);
  });
});

describe('an upload of an adapter', () => {
  const header = (text: string, length = Buffer.byteLength(text)): Buffer => {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(length));
    return Buffer.concat([head, Buffer.from(text)]);
  };

  it.each<[string, () => Buffer]>([
    ['an archive', archive],
    ['a picture', () => good],
    ['a pickle', () => Buffer.from('800263706f7369780a73797374656d0a', 'hex')],
    ['nothing', () => Buffer.alloc(0)],
    ['a header as long as a petabyte', () => header('{}', 2 ** 50)],
    ['a header of brackets', () => header('['.repeat(1_000_000))],
    ['a tensor outside of the file', () => header('{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}')],
    [
      'a shape that overflows',
      () => header('{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}'),
    ],
    ['names of prototypes', () => header('{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}')],
  ])('refuses %s', async (_, make) => {
    const { status, code, body } = await form('/v1/loras', { file: make() }, 'x.safetensors');
    expect([status, code], body).toEqual([422, 'lora_rejected']);
    expect(body).not.toMatch(/\/tmp\//);
  });

  it.each(['..', '.hidden.safetensors', 'con.safetensors', 'a\u0000b.safetensors', 'a:b', '../', 'x'.repeat(200)])(
    'refuses the name %j',
    async (name) => {
      const { status, code, body } = await form('/v1/loras', { file: header('{}') }, name);
      expect([status, code], body).toEqual([422, 'validation_failed']);
    },
  );
});

describe('a file of rows', () => {
  const dryRun = (file: Buffer, name: string): Promise<Answer> =>
    form('/v1/bulks?template=%7B%7Ba%7D%7D&dryRun=true', { file }, name);

  /** A workbook whose first sheet has these cells. */
  const workbook = (cells: string, extra: readonly (readonly [string, Buffer])[] = []): Buffer => {
    const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
    const relations = 'http://schemas.openxmlformats.org/package/2006/relationships';
    const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
    const relation = (kind: string, target: string): string =>
      `<Relationships xmlns="${relations}"><Relationship Id="r1" Type="${office}/${kind}" Target="${target}"/></Relationships>`;
    const zip = new AdmZip();
    const add = (path: string, text: string | Buffer): void => {
      zip.addFile(path, Buffer.from(text));
    };
    add('[Content_Types].xml', '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>');
    add('_rels/.rels', relation('officeDocument', 'xl/workbook.xml'));
    add(
      'xl/workbook.xml',
      `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
    );
    add('xl/_rels/workbook.xml.rels', relation('worksheet', 'worksheets/sheet1.xml'));
    add('xl/worksheets/sheet1.xml', `<worksheet xmlns="${main}"><sheetData>${cells}</sheetData></worksheet>`);
    for (const [path, bytes] of extra) add(path, bytes);
    return zip.toBuffer();
  };
  const text = (at: string, value: string): string => `<c r="${at}" t="inlineStr"><is><t>${value}</t></is></c>`;

  it('is read when it is a workbook', async () => {
    const rows = workbook(`<row r="1">${text('A1', 'a')}</row><row r="2">${text('A2', 'a boat')}</row>`);
    const { status, body } = await dryRun(rows, '../x.xlsx');
    expect([status, JSON.parse(body)], body).toMatchObject([200, { rows: 1 }]);
  });

  it('is refused when it names a cell at the end of the largest sheet, and the server goes on', async () => {
    const bomb = workbook(`<row r="1">${text('A1', 'a')}</row><row r="1048576">${text('XFD1048576', 'x')}</row>`);
    expect(bomb.length).toBeLessThan(2_000);
    const { status, code, body } = await dryRun(bomb, 'x.xlsx');
    expect([status, code], body).toEqual([422, 'bulk_file_invalid']);
    expect(body).toContain('hand it in as CSV');
    expect((await parts.app.inject({ url: '/v1/system' })).statusCode).toBe(200);
  });

  it.each<[string, string, () => Buffer]>([
    ['unpacks to 300 MB', 'x.xlsx', () => workbook('', [['xl/media/x.xml', Buffer.alloc(300_000_000)]])],
    [
      'has thousands of parts',
      'x.xlsx',
      () =>
        workbook(
          '',
          Array.from({ length: 3_000 }, (_, at) => [`x/${at}`, good]),
        ),
    ],
    [
      'has entities that multiply',
      'x.xlsx',
      () => {
        const levels = Array.from({ length: 20 }, (_, at) => `<!ENTITY e${at + 1} "${`&e${at};`.repeat(10)}">`).join(
          '',
        );
        const zip = new AdmZip(workbook(''));
        zip.updateFile(
          'xl/workbook.xml',
          Buffer.from(`<!DOCTYPE x [<!ENTITY e0 "lol">${levels}]><workbook>&e20;</workbook>`),
        );
        return zip.toBuffer();
      },
    ],
    ['is an archive without sheets', 'x.xlsx', archive],
    ['is a picture', 'x.xlsx', () => good],
    ['is a picture', 'x.csv', () => good],
    ['has a line without an end', 'x.csv', () => Buffer.from(`a\n"${'x'.repeat(3_000_000)}`)],
    [
      'has a thousand columns',
      'x.csv',
      () => Buffer.from(Array.from({ length: 1_000 }, (_, at) => `c${at}`).join(',')),
    ],
    ['has one line of 3 MB', 'x.jsonl', () => Buffer.from(`{"a":"${'x'.repeat(3_000_000)}"}`)],
    ['is nested a million deep', 'x.jsonl', () => Buffer.from(`${'['.repeat(90_000)}`)],
  ])('%s (%s) ends in a sentence and not in a fault', async (_, name, make) => {
    const { status, code, body } = await dryRun(make(), name);
    // A row that cannot be drawn is told by its line.
    if (status === 200)
      expect(JSON.parse(body)).toMatchObject({ broken: [{ problem: expect.any(String) }], pictures: 0 });
    else expect([status, code], body).toEqual([422, 'bulk_file_invalid']);
  });

  it.each(['../../x', 'x.csv/../../y', 'x.csv\u0000.png', 'x.xlsm', '', 'x'])(
    'of the name %j is refused',
    async (name) => {
      expect([400, 422]).toContain((await dryRun(Buffer.from('a\nb\n'), name)).status);
    },
  );
});
