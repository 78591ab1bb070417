import { Readable } from 'node:stream';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCsv } from '../../apps/server/src/adapters/bulk/read-csv.ts';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import type { RowInput, SourceRow } from '../../apps/server/src/application/bulk-ports.ts';
import type { GenerationRecord } from '../../apps/server/src/application/ports.ts';
import { BulkRunner } from '../../apps/server/src/application/run-bulks.ts';
import { type Bulk as BulkRecord, fillTemplate } from '../../apps/server/src/domain/bulk.ts';
import { bulkId, DEFAULT_TENANT, generationId } from '../../apps/server/src/domain/ids.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Bulk, BulkPlan, BulkRow } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts } from '../support/server-parts.ts';

let parts: Parts;
beforeAll(async () => {
  parts = await openParts({ model: new URL('../../models/demo', import.meta.url).pathname });
});
afterAll(() => parts?.close());

const template = '{{product}} on a {{colour}} background, {morning|evening|night} light';
const small = { width: '64', height: '64', steps: '1' };

function upload(fileName: string, content: string | Uint8Array, query: Record<string, string>, headers = {}) {
  const boundary = 'x-boundary-x';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${fileName}"\r\n\r\n`;
  const payload = Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return parts.app.inject({
    method: 'POST',
    url: `/v1/bulks?${new URLSearchParams({ ...small, ...query })}`,
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload,
  });
}

async function create(fileName: string, content: string | Uint8Array, query: Record<string, string>): Promise<Bulk> {
  const answer = await upload(fileName, content, query);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

async function plan(fileName: string, content: string | Uint8Array, query: Record<string, string>): Promise<BulkPlan> {
  const answer = await upload(fileName, content, { ...query, dryRun: 'true' });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

async function get<T>(url: string): Promise<T> {
  const answer = await parts.app.inject({ url });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

async function ended(
  { links }: Bulk,
  isEnd = (bulk: Bulk) => !['reading', 'running'].includes(bulk.state),
): Promise<Bulk> {
  for (;;) {
    const bulk = await get<Bulk>(links.self);
    if (isEnd(bulk)) return bulk;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function rowsOf({ links }: Bulk): Promise<BulkRow[]> {
  return (await get<{ items: BulkRow[] }>(`${links.rows}?limit=1000`)).items;
}

async function promptOf({ generationId }: BulkRow): Promise<string> {
  return (await get<{ prompt: string }>(`/v1/generations/${generationId}`)).prompt;
}

const csv = [
  'product,colour,count,width',
  'a red apple,blue,2,',
  'a pear,,,',
  '"a ""big"", green\nball",white,,32',
  'a cup,black,many,',
  'a cup,black',
  'a tree,grey,,33',
].join('\r\n');

describe('a bulk of CSV', () => {
  test('draws the good rows with their overrides and reports each broken one by its line', async () => {
    const bulk = await ended(await create('products.csv', csv, { template }));
    expect(bulk).toMatchObject({ state: 'finished', rows: { submitted: 2, broken: 4 } });
    expect(bulk.pictures).toEqual({ asked: 3, succeeded: 3, failed: 0 });
    const rows = await rowsOf(bulk);
    expect(rows.map(({ line, state }) => [line, state])).toEqual([
      [2, 'submitted'],
      [3, 'broken'],
      [5, 'submitted'],
      [6, 'broken'],
      [7, 'broken'],
      [8, 'broken'],
    ]);
    expect(rows.map(({ problem }) => problem).filter((problem) => problem !== undefined)).toEqual([
      'The template needs "colour", which the row does not have.',
      expect.stringContaining('count'),
      'The row has 2 cells, the header 4.',
      expect.stringContaining('width 33 is not a multiple'),
    ]);
    expect(rows.flatMap(({ fault }) => fault ?? [])).toEqual([
      { code: 'template_value_missing', details: { columns: '"colour"' } },
      { code: 'settings_invalid', fields: [{ field: 'count', code: 'wrong_type' }] },
      { code: 'cell_count', details: { cells: 2, columns: 4 } },
      { code: 'settings_invalid', fields: [{ field: 'width', code: 'not_a_multiple' }] },
    ]);
    expect(await promptOf(rows[0] as BulkRow)).toMatch(
      /^a red apple on a blue background, (morning|evening|night) light$/,
    );
    expect(await get(`/v1/generations/${rows[2]?.generationId}`)).toMatchObject({ width: 32, priority: 'bulk' });

    const archive = unzipSync((await parts.app.inject({ url: bulk.links.pictures })).rawPayload);
    expect(Object.keys(archive)).toEqual(['000002-0.png', '000002-1.png', '000005-0.png']);
    expect((await get<{ items: unknown[] }>(`/v1/pictures?bulkId=${bulk.id}`)).items).toHaveLength(3);
    expect((await get<{ items: unknown[] }>('/v1/pictures?bulkId=none')).items).toHaveLength(0);
    for (const bytes of Object.values(archive)) expect([...bytes.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
    const manifest = await parts.app.inject({ url: bulk.links.manifest });
    const lines: SourceRow[] = [];
    for await (const line of readCsv(Readable.from([manifest.rawPayload]))) lines.push(line);
    expect(lines.map((one) => 'row' in one && one.row['file'])).toEqual([
      ...['000002-0.png', '000002-1.png', '', '000005-0.png', '', '', ''],
    ]);
  });

  test('draws only the rows that changed since an earlier bulk, wherever they stand', async () => {
    const first = await ended(await create('a.csv', 'product,colour\nan egg,red\na fish,blue\n', { template }));
    const content = 'colour,product\ngreen,an egg\nblue,a fish\nred,an egg\n';
    const planned = await plan('b.csv', content, { template, unchangedSince: first.id });
    expect(planned).toMatchObject({ rows: 3, unchanged: 2, generations: 1, pictures: 1 });
    const second = await ended(await create('b.csv', content, { template, unchangedSince: first.id }));
    expect(second.rows).toEqual({ submitted: 1, unchanged: 2, broken: 0 });
    const [, egg] = [await rowsOf(second), await rowsOf(first)];
    expect((await rowsOf(second))[2]?.generationId).toBe(egg[0]?.generationId);
    const archive = unzipSync((await parts.app.inject({ url: second.links.pictures })).rawPayload);
    expect(Object.keys(archive)).toHaveLength(3);
  });

  test.each([
    [
      'GBK, as spreadsheets save it on Chinese Windows',
      Buffer.from('c9ccc6b7', 'hex'),
      Buffer.from('d2bbd6bbc3a8', 'hex'),
    ],
    ['UTF-8 with a mark', Buffer.from('\ufeff商品'), Buffer.from('一只猫')],
  ])('reads a file in %s', async (_, column, value) => {
    const content = Buffer.concat([column, Buffer.from(',colour\r\n'), value, Buffer.from(',red\r\n,\r\n')]);
    const planned = await plan('a.csv', content, { template: '{{商品}}, {{colour}}' });
    expect(planned).toMatchObject({ columns: ['商品', 'colour'], rows: 1, brokenCount: 0 });
    expect(planned.samples[0]?.prompt).toBe('一只猫, red');
  });

  test('takes a quote within a cell as a letter, and tabs in a .tsv file', async () => {
    const planned = await plan('a.tsv', 'product\tcolour\na 19" screen, flat\tred\n', { template });
    expect(planned.brokenCount).toBe(0);
    expect(planned.samples[0]?.prompt).toContain('a 19" screen, flat on a red background');
  });

  test.each([
    [
      'bytes that are no text',
      'a.csv',
      Buffer.concat([
        Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
        Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 37) % 256)),
      ]),
    ],
    ['a name of another kind', 'a.pdf', Buffer.from('product\nan owl\n')],
    ['a header alone', 'a.csv', Buffer.from('product,colour\n')],
  ])('refuses %s in a sentence and without a fault', async (_, name, content) => {
    const answer = await upload(name, content, { template, dryRun: 'true' });
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'bulk_file_invalid']);
  });

  test('tells what it would cost before anything is drawn', async () => {
    const planned = await plan('products.csv', csv, { template });
    expect(planned).toMatchObject({ rows: 6, generations: 2, pictures: 3, brokenCount: 4 });
    expect(planned.broken.map(({ line }) => line)).toEqual([3, 6, 7, 8]);
    expect(planned.deviceSeconds).toBeGreaterThan(0);
  });

  test('of 100,000 rows with broken ones among them is read to its end, each broken one named', async () => {
    const lines = Array.from({ length: 100_000 }, (_, at) => (at % 1_000 === 999 ? 'broken' : `thing ${at},blue`));
    const planned = await plan('many.csv', `product,colour\n${lines.join('\n')}\n`, { template });
    expect(planned).toMatchObject({ rows: 100_000, generations: 99_900, brokenCount: 100 });
    expect(planned.broken.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, at) => 1_001 + at * 1_000));
  });
});

describe('files', () => {
  test('of JSON lines are read as those of CSV', async () => {
    const content = '{"product":"a car","colour":"red","seed":7}\nnot json\n[1]\n{"product":{},"colour":"x"}\n';
    const bulk = await ended(await create('rows.jsonl', content, { template }));
    const rows = await rowsOf(bulk);
    expect(rows.map(({ line, state }) => [line, state])).toEqual([
      [1, 'submitted'],
      [2, 'broken'],
      [3, 'broken'],
      [4, 'broken'],
    ]);
    expect(await get(`/v1/generations/${rows[0]?.generationId}`)).toMatchObject({ seed: 7 });
  });

  test('of Excel are read row by row, with empty rows left out', async () => {
    const rows = [
      ['product', 'colour', 'count'],
      ['a lamp', 'white', 1],
      ['a chair', '', 1],
    ];
    const bulk = await ended(await create('rows.xlsx', workbook(rows), { template }));
    expect((await rowsOf(bulk)).map(({ line, state }) => [line, state])).toEqual([
      [2, 'submitted'],
      [3, 'broken'],
    ]);
  });

  test('that are bombs, or no workbooks, fail with a sentence', async () => {
    const bomb = zipSync({ 'xl/worksheets/sheet1.xml': new Uint8Array(210_000_000) }, { level: 1 });
    expect(bomb.length).toBeLessThan(2_000_000);
    const answers = [await upload('bomb.xlsx', bomb, { template, dryRun: 'true' })];
    answers.push(await upload('text.xlsx', 'product,colour\n', { template, dryRun: 'true' }));
    answers.push(await upload('empty.csv', '', { template, dryRun: 'true' }));
    answers.push(await upload('twice.csv', 'a,a\n1,2\n', { template, dryRun: 'true' }));
    for (const answer of answers) expect([answer.statusCode, answer.json().code]).toEqual([422, 'bulk_file_invalid']);
    const failed = await ended(await create('bomb.xlsx', bomb, { template }));
    expect(failed).toMatchObject({
      state: 'failed',
      note: { code: 'bulk_file_invalid', message: expect.stringContaining('hand it in as CSV') },
    });
  });

  test('of other kinds, and templates with loose braces, are refused', async () => {
    expect((await upload('../../etc/passwd', 'x', { template })).statusCode).toBe(422);
    expect((await upload('rows.csv', 'a\n1\n', { template: 'a {broken' })).json().errors[0].field).toBe('template');
    expect((await upload('rows.csv', 'a\n1\n', { template, unchangedSince: 'none' })).json().code).toBe(
      'bulk_not_found',
    );
  });
});

test('a bulk is seen by its own tenant alone, and is cancelled as a whole', async () => {
  const other = await issueKey(parts, { tenant: 'other' });
  const lines = Array.from({ length: 300 }, (_, at) => `thing ${at},blue,20`);
  const bulk = await create('many.csv', `product,colour,count\n${lines.join('\n')}`, { template });
  for (const path of ['', '/rows', '/manifest.csv', '/pictures.zip']) {
    const answer = await parts.app.inject({ url: bulk.links.self + path, headers: other.headers });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'bulk_not_found']);
  }
  const url = `${bulk.links.self}/cancel`;
  expect((await parts.app.inject({ method: 'POST', url, headers: other.headers })).statusCode).toBe(404);
  expect((await parts.app.inject({ method: 'POST', url })).statusCode).toBe(200);
  const cancelled = await ended(bulk, ({ openGenerations }) => openGenerations === 0);
  expect(cancelled.state).toBe('cancelled');
});

test('a bulk that is cancelled while its rows are submitted leaves none of them to be drawn', async () => {
  await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
  const idle = await create('idle.csv', 'product,colour\na cup,red\n', { template });
  await ended(idle, ({ state }) => state === 'running');
  const bulk = (await parts.store.bulks.find(DEFAULT_TENANT, bulkId(idle.id))) as BulkRecord;
  const [made] = await rowsOf(idle);
  const submitted: string[] = [];
  const runner = new BulkRunner({
    ...{ store: parts.store, clock: systemClock, log: quietLog },
    evaluate: () => ({ input: {} as RowInput, hash: 'x' }),
    source: {
      save: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      read: async function* () {
        yield { line: 3, row: {} };
      },
    },
    // Cancelled by somebody between this row's generation and its place in the records.
    submit: async () => {
      const answer = await parts.app.inject({
        ...{ method: 'POST', url: '/v1/generations' },
        payload: { prompt: 'too late', width: 64, height: 64, steps: 1 },
      });
      submitted.push(answer.json().id);
      await parts.app.inject({ method: 'POST', url: `${idle.links.self}/cancel` });
      const record = await parts.store.findGeneration(DEFAULT_TENANT, generationId(answer.json().id));
      return { ...(record as GenerationRecord), isReplay: false };
    },
    cancelGeneration: async ({ tenantId, id }) => {
      await parts.app.inject({ method: 'POST', url: `/v1/generations/${id}/cancel` });
      return parts.store.findGeneration(tenantId, id) as Promise<GenerationRecord>;
    },
  });
  await parts.store.transact(({ bulks }) => bulks.move(bulk.id, 'submitted', { state: 'reading', note: undefined }));
  runner.start({ ...bulk, state: 'reading' });
  await ended(idle, ({ state }) => state === 'cancelled');
  await runner.close();
  expect(await get(`/v1/generations/${made?.generationId}`)).toMatchObject({ state: 'cancelled' });
  expect(await get(`/v1/generations/${submitted[0]}`)).toMatchObject({ state: 'cancelled' });
  await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
});

test('a bulk that is paused draws no more until it is resumed, then all of it and nothing twice', async () => {
  await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
  const lines = Array.from({ length: 40 }, (_, at) => `thing ${at},blue`);
  const bulk = await create('held.csv', `product,colour\n${lines.join('\n')}`, { template });
  await ended(bulk, ({ state }) => state === 'running');
  const post = async (what: string): Promise<Bulk> =>
    (await parts.app.inject({ method: 'POST', url: `${bulk.links.self}/${what}` })).json();
  expect((await post('pause')).state).toBe('paused');
  // What looks for impossible pauses after a clock was put back must not take these for some.
  await parts.store.transact(({ queue }) => queue.readyImpossible(Date.now(), 0));
  await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
  // What is asked for later is drawn; by then the bulk would have been too.
  const after = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/generations' },
    payload: { prompt: 'a later thing', width: 64, height: 64, steps: 1, priority: 'bulk' },
  });
  await parts.app.inject({ url: `/v1/generations/${after.json().id}/events` });
  expect(await get(bulk.links.self)).toMatchObject({
    state: 'paused',
    openGenerations: 40,
    pictures: { succeeded: 0 },
  });
  expect(['reading', 'running']).toContain((await post('resume')).state);
  const done = await ended(bulk);
  expect(done).toMatchObject({ state: 'finished', rows: { submitted: 40 }, pictures: { asked: 40, succeeded: 40 } });
  expect((await post('pause')).state).toBe('finished');
});

test('columns of any name are taken for what the request says, and the plan shows what would be drawn', async () => {
  const content = '提示词,宽,商品\n一只猫,96,茶壶\n';
  const columns = JSON.stringify({ 提示词: 'prompt', 宽: 'width' });
  expect(await plan('zh.csv', content, { columns })).toMatchObject({
    columns: ['提示词', '宽', '商品'],
    samples: [{ line: 2, prompt: '一只猫', width: 96, height: 64, count: 1, steps: 1 }],
  });
  const filled = await plan('zh.csv', content, { columns, template: '{{商品}}，{{prompt}}' });
  expect(filled.samples[0]?.prompt).toBe('茶壶，一只猫');
  expect((await upload('zh.csv', content, { columns: '[1]', dryRun: 'true' })).json().errors[0].field).toBe('columns');
});

test('columns have any name, and what a row does not have is not taken from elsewhere', async () => {
  const named = '{{constructor}} and {{__proto__}}';
  const plan = async (name: string, text: string) =>
    (await upload(name, text, { template: named, dryRun: 'true' })).json();
  const wanted = { brokenCount: 0, samples: [{ prompt: 'a boat and a tree' }] };
  expect(await plan('rows.csv', '__proto__,constructor\na tree,a boat\n')).toMatchObject(wanted);
  expect(await plan('rows.jsonl', '{"__proto__":"a tree","constructor":"a boat"}')).toMatchObject(wanted);
  const without = {
    brokenCount: 1,
    broken: [{ problem: expect.stringContaining('needs "constructor", "__proto__"') }],
  };
  expect(await plan('rows.csv', 'a\nb\n')).toMatchObject(without);
  const columns = JSON.stringify({ toString: 'prompt' });
  expect((await upload('rows.csv', 'a\nb\n', { columns, dryRun: 'true' })).json()).toMatchObject({ brokenCount: 1 });
});

test('wildcards follow from the row and the seed, and a value of a cell is not looked at again', () => {
  const row = { thing: '{a|b} {{thing}}' };
  const filled = fillTemplate('{{ thing }} {1|2|3|4|5|6|7|8}', row, 5);
  expect(filled).toEqual(fillTemplate('{{ thing }} {1|2|3|4|5|6|7|8}', { ...row }, 5));
  expect('text' in filled && filled.text).toMatch(/^\{a\|b\} \{\{thing\}\} [1-8]$/);
  const drawn = new Set(Array.from({ length: 100 }, (_, seed) => JSON.stringify(fillTemplate('{1|2|3|4}', row, seed))));
  expect(drawn.size).toBe(4);
});

/** A workbook of one sheet with texts in its cells. */
function workbook(rows: readonly (readonly (string | number)[])[]): Uint8Array {
  const cell = (value: string | number, row: number, column: number): string => {
    const ref = `${String.fromCharCode(65 + column)}${row + 1}`;
    if (typeof value === 'number') return `<c r="${ref}"><v>${value}</v></c>`;
    return `<c r="${ref}" t="inlineStr"><is><t>${value}</t></is></c>`;
  };
  const body = rows.map((cells, row) => `<row r="${row + 1}">${cells.map((v, c) => cell(v, row, c)).join('')}</row>`);
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const pack = 'http://schemas.openxmlformats.org/package/2006';
  const files = {
    '[Content_Types].xml': `<Types xmlns="${pack}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="${pack}/relationships"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${pack}/relationships"><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    'xl/worksheets/sheet1.xml': `<worksheet xmlns="${main}"><sheetData>${body.join('')}</sheetData></worksheet>`,
  };
  const encoder = new TextEncoder();
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, encoder.encode(text)])));
}
