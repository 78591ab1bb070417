import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { TemplateList } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts } from '../support/server-parts.ts';

let parts: Parts;
beforeAll(async () => {
  parts = await openParts({ device: 'fixed:10' });
});
afterAll(() => parts?.close());

const at = (name: string): string => `/v1/templates/${encodeURIComponent(name)}`;

async function list(headers = {}): Promise<TemplateList['items']> {
  return (await parts.app.inject({ url: '/v1/templates', headers })).json().items;
}

test('a template is kept for all members of its tenant, changed under its name, and forgotten', async () => {
  const payload = { prompt: '{{product}}，摄影棚', negativePrompt: '文字' };
  const kept = await parts.app.inject({ method: 'PUT', url: at('商品/主图'), payload });
  expect(kept.statusCode, kept.body).toBe(200);
  const change = { prompt: '{{product}} in a studio' };
  await parts.app.inject({ method: 'PUT', url: at('商品/主图'), payload: change });
  expect(await list()).toMatchObject([{ name: '商品/主图', ...change, negativePrompt: '' }]);
  const viewer = await issueKey(parts, { role: 'viewer' });
  expect(await list(viewer.headers)).toHaveLength(1);
  const refused = await parts.app.inject({ method: 'PUT', url: at('x'), headers: viewer.headers, payload: change });
  expect(refused.statusCode).toBe(403);
  const other = await issueKey(parts, { tenant: 'other', role: 'admin' });
  expect(await list(other.headers)).toEqual([]);
  expect((await parts.app.inject({ method: 'DELETE', url: at('商品/主图'), headers: other.headers })).statusCode).toBe(
    204,
  );
  expect(await list()).toHaveLength(1);
  for (const _twice of [1, 2]) {
    expect((await parts.app.inject({ method: 'DELETE', url: at('商品/主图') })).statusCode).toBe(204);
  }
  expect(await list()).toEqual([]);
});

test('a template without a prompt, under no name, or beyond the limit is refused', async () => {
  const put = (name: string, payload: object) => parts.app.inject({ method: 'PUT', url: at(name), payload });
  expect((await put('a', { prompt: '' })).statusCode).toBe(422);
  expect((await put(' ', { prompt: 'x' })).statusCode).toBe(422);
  expect((await put('a'.repeat(81), { prompt: 'x' })).statusCode).toBe(422);
  for (let index = 0; index < 200; index += 1) expect((await put(`t${index}`, { prompt: 'x' })).statusCode).toBe(200);
  expect((await put('one more', { prompt: 'x' })).json().errors[0]).toMatchObject({ field: 'name', code: 'too_big' });
  expect((await put('t7', { prompt: 'y' })).statusCode).toBe(200);
});
