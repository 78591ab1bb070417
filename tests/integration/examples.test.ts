import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { hasPython, pythonTool } from '../support/python.ts';
import { openParts } from '../support/server-parts.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

let parts: Parts;
let url = '';
let key = '';
beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model: join(root, 'models/demo') });
  url = await parts.app.listen({ port: 0, host: '127.0.0.1' });
  key = (await issueKey(parts, { role: 'member' })).text;
});
afterAll(() => parts.close());

/** Runs an example in a folder of its own; gives the formats of the pictures that it left there, by name. */
async function picturesOf(command: string, args: readonly string[], withKey: boolean): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-example-'));
  try {
    const { PATH = '' } = process.env;
    const env = { PATH, IMAGEMILL_SERVER: url, ...(withKey ? { IMAGEMILL_KEY: key } : {}) };
    await run(command, [...args], { cwd: folder, env });
    const names = await readdir(folder);
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, (await sharp(join(folder, name)).metadata()).format])),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe.each([true, false])('the examples, with a key: %s', (withKey) => {
  it('in TypeScript save two pictures', async () => {
    const found = await picturesOf(process.execPath, [join(root, 'examples/generate.ts')], withKey);
    expect(Object.values(found)).toEqual(['png', 'png']);
  });

  it('with curl save one', async () => {
    const found = await picturesOf('sh', [join(root, 'examples/generate.sh')], withKey);
    expect(Object.values(found)).toEqual(['png']);
  });

  describe.skipIf(!hasPython())('in Python', () => {
    const python = (): string => pythonTool('python') ?? '';

    it('save one with the official package', async () => {
      const found = await picturesOf(python(), [join(root, 'examples/generate.py'), 'a green apple'], withKey);
      expect(Object.values(found)).toEqual(['png']);
    });

    it('save those of a batch', async () => {
      const found = await picturesOf(python(), [join(root, 'examples/batch.py')], withKey);
      expect(found).toEqual({ 'red.png': 'png', 'green.png': 'png', 'blue.png': 'png' });
    });
  });
});

it.skipIf(!hasPython())(
  'the official package of Python draws, edits, streams, uploads and is told of errors',
  async () => {
    const script = join(root, 'tests/python/openai_client.py');
    const { stdout } = await run(pythonTool('python') ?? '', [script, url, key]);
    expect(stdout.trim().split('\n')).toEqual(['generate', 'edit', 'stream', 'models', 'errors', 'files_and_batch']);
  },
);
