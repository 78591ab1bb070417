import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { openParts } from '../support/server-parts.ts';

let parts: Parts;
let url = '';
const keys: Record<'member' | 'viewer', string> = { member: '', viewer: '' };
beforeAll(async () => {
  parts = await openParts({ model: fileURLToPath(new URL('../../models/demo', import.meta.url)), requireKey: true });
  keys.member = (await issueKey(parts, { tenant: 'a', role: 'member' })).text;
  keys.viewer = (await issueKey(parts, { tenant: 'a', role: 'viewer' })).text;
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(parts.app.server.address() as AddressInfo).port}`;
});
afterAll(() => parts?.close());

function overHttp(key: string): Transport {
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  return new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }) as Transport;
}

function overStdio(key: string): Transport {
  const bin = fileURLToPath(new URL('../../apps/cli/bin/imagemill.js', import.meta.url));
  const env = { PATH: process.env['PATH'] ?? '', IMAGEMILL_KEY: key };
  return new StdioClientTransport({
    command: process.execPath,
    args: [bin, 'mcp', '--server', url],
    env,
    stderr: 'pipe',
  });
}

async function connected(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  return client;
}

async function call(client: Client, name: string, input: object = {}): Promise<CallToolResult> {
  return (await client.callTool({ name, arguments: { ...input } })) as CallToolResult;
}

function textOf({ content: [first] }: CallToolResult): string {
  return first?.type === 'text' ? first.text : '';
}

describe.each([
  ['streamable HTTP', overHttp],
  ['imagemill mcp on stdio', overStdio],
])('an agent over %s', (_name, transportFor) => {
  test('lists tools and models, estimates, draws, and gets the picture again', async () => {
    const client = await connected(transportFor(keys.member));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['generate', 'get_generation', 'list_models', 'estimate']);
    expect(JSON.parse(textOf(await call(client, 'list_models'))).items[0].name).toBe('demo');
    const estimate = JSON.parse(textOf(await call(client, 'estimate', { prompt: 'a red apple', count: 3 })));
    expect(estimate).toMatchObject({ pictures: 3, deviceSeconds: expect.any(Number) });

    const drawn = await call(client, 'generate', { prompt: 'a red apple', seed: 3, steps: 2, width: 64, height: 64 });
    const { id, state, seed } = JSON.parse(textOf(drawn));
    expect({ state, seed }).toEqual({ state: 'succeeded', seed: 3 });
    const picture = drawn.content[1];
    expect(picture).toMatchObject({ type: 'image', mimeType: 'image/png' });
    const bytes = Buffer.from(picture?.type === 'image' ? picture.data : '', 'base64');
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 64, height: 64 });
    expect((await call(client, 'get_generation', { id })).content[1]).toEqual(picture);
    await client.close();
  });

  test('may do what its key may, and is told why not in words', async () => {
    const client = await connected(transportFor(keys.viewer));
    const refused = await call(client, 'generate', { prompt: 'a red apple' });
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toContain('generations:write');
    expect((await call(client, 'get_generation', { id: 'none' })).isError).toBe(true);
    expect((await call(client, 'generate', { prompt: '' })).isError).toBe(true);
    await client.close();
  });
});

test('nobody gets in without a key, and a tenant does not see what another drew', async () => {
  await expect(connected(overHttp('im_wrong'))).rejects.toThrow();
  const owner = await connected(overHttp(keys.member));
  const { id } = JSON.parse(textOf(await call(owner, 'generate', { prompt: 'a cup', waitSeconds: 0, steps: 1 })));
  const other = await connected(overHttp((await issueKey(parts, { tenant: 'b', role: 'admin' })).text));
  expect((await call(other, 'get_generation', { id })).isError).toBe(true);
  await owner.close();
  await other.close();
});
