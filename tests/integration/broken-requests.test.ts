import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { openParts } from '../support/server-parts.ts';

let parts: Parts;
beforeAll(async () => {
  parts = await openParts();
});
afterAll(() => parts.close());

const forms = ['/v1/assets', '/v1/assets/inspect', '/v1/bulks', '/v1/loras', '/v1/files', '/v1/images/edits'];
const openAi = ['/v1/files', '/v1/images/edits'];
const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="../a.jsonl"\r\n\r\n';

describe('a form that is broken', () => {
  const cases = forms.flatMap((url) =>
    [
      ['names no boundary', 'multipart/form-data', ''],
      ['has an endless boundary', `multipart/form-data; boundary=${'x'.repeat(300)}`, 'x'],
      [
        'ends in the middle of a file',
        'multipart/form-data; boundary=x',
        `${url === '/v1/images/edits' ? head.replace('"file"', '"image"') : head}abc`,
      ],
      ['ends in the middle of a header', 'multipart/form-data; boundary=x', '--x\r\ncontent-disp'],
    ].map(([what = '', type = '', payload = '']) => ({ url, what, type, payload })),
  );

  it.each(cases)('is refused as malformed by $url when it $what', async ({ url, type, payload }) => {
    const answer = await parts.app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload });
    expect(answer.statusCode, answer.body).toBe(400);
    const { code, error } = answer.json<{ code?: string; error?: { code: string } }>();
    expect(openAi.includes(url) ? error?.code : code).toBe('malformed_request');
  });

  it.each(forms)('has a file without a name: %s refuses it by what is wrong, or takes it', async (url) => {
    const field = url === '/v1/images/edits' ? 'image' : 'file';
    const part = `--x\r\ncontent-disposition: form-data; name="${field}"\r\ncontent-type: application/octet-stream\r\n\r\nabc\r\n`;
    const more = '--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n';
    const payload = `${part}${url === '/v1/files' ? more : ''}--x--\r\n`;
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const answer = await parts.app.inject({ method: 'POST', url: `${url}?template=a`, headers, payload });
    expect(answer.statusCode, answer.body).toBe({ '/v1/files': 200, '/v1/images/edits': 400 }[url] ?? 422);
  });

  it.each(openAi)('is refused with too many files by %s', async (url) => {
    const payload = `${Array.from({ length: 20 }, () => `${head.replace('"file"', '"image[]"')}a\r\n`).join('')}--x--\r\n`;
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const answer = await parts.app.inject({ method: 'POST', url, headers, payload });
    expect(answer.statusCode, answer.body).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode, answer.body).toBeLessThan(500);
  });
});

describe('a method that a path does not take', () => {
  it.each(['/v1/jobs/x', '/v1/files/x', '/v1/batches/x/cancel', '/v1/generations'])(
    'is refused with those that it takes, at %s',
    async (url) => {
      for (const method of ['QUERY', 'TRACE', 'PATCH'] as const) {
        const answer = await parts.app.inject({ method: method as 'GET', url });
        expect(answer.statusCode, answer.body).toBe(405);
        expect(answer.headers.allow).toMatch(/^(DELETE|GET|POST)/);
      }
    },
  );
});

it('a path that cannot be decoded is refused in the shape of its door', async () => {
  const shapes = await Promise.all(
    ['/v1/files/%E0%A4%A', '/v1/jobs/%E0%A4%A'].map(async (url) => (await parts.app.inject({ url })).json()),
  );
  expect(shapes).toMatchObject([{ error: { code: 'malformed_request' } }, { code: 'malformed_request' }]);
});
