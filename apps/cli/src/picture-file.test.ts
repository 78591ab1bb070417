import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureWritable, resolveTarget, slug, writePicture } from './picture-file.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-out-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const target = (out: string, count = 1, format?: 'png' | 'jpeg' | 'webp'): ReturnType<typeof resolveTarget> =>
  resolveTarget({ out: join(folder, out), count, format });

describe('where pictures go', () => {
  it('takes the format from the ending of a file name', async () => {
    expect(await target('a.png')).toMatchObject({ kind: 'file', format: 'png' });
    expect(await target('a.JPG')).toMatchObject({ kind: 'file', format: 'jpeg' });
    expect(await target('sub/a.webp')).toMatchObject({
      kind: 'file',
      path: join(folder, 'sub/a.webp'),
      format: 'webp',
    });
  });

  it('takes everything else for a folder, with png by default', async () => {
    expect(await target('pictures')).toMatchObject({ kind: 'folder', format: 'png' });
    expect(await target('v1.5', 3, 'webp')).toMatchObject({ kind: 'folder', format: 'webp' });
    expect(await target('odd.png/')).toMatchObject({ kind: 'folder' });
    await mkdir(join(folder, 'folder.png'));
    expect(await target('folder.png', 2)).toMatchObject({ kind: 'folder' });
  });

  it('refuses what contradicts itself', async () => {
    await expect(target('a.png', 2)).rejects.toThrow('a folder, as --count is 2');
    await expect(target('a.png', 1, 'webp')).rejects.toThrow(
      '--format: got "webp", expected png, as --out ends in .png',
    );
    await expect(target('a.gif')).rejects.toThrow('ends in .png, .jpg or .webp');
    await writeFile(join(folder, 'plain'), '');
    await expect(target('plain')).rejects.toThrow('a folder, or a file name');
  });

  it('is checked before anything is drawn', async () => {
    await writeFile(join(folder, 'plain'), '');
    await expect(ensureWritable(await target('plain/inner'))).rejects.toMatchObject({ code: 'output_unwritable' });
    await ensureWritable(await target('new/inner/a.png'));
    expect(await readdir(join(folder, 'new'))).toEqual(['inner']);
  });

  it.runIf(process.platform === 'linux')('is refused at once on a file system that takes no folder', async () => {
    const nowhere = await resolveTarget({ out: '/proc/pictures', count: 1, format: undefined });
    await expect(ensureWritable(nowhere)).rejects.toMatchObject({ code: 'output_unwritable' });
  });
});

describe('saving a picture', () => {
  const picture = { prompt: 'a red fox, sitting', seed: 42, bytes: Buffer.from('one') };

  it('names it after prompt and seed, and numbers what would overwrite', async () => {
    const to = await target('out', 1, 'jpeg');
    const first = await writePicture(to, picture);
    const second = await writePicture(to, { ...picture, bytes: Buffer.from('two') });
    expect([first, second]).toEqual([
      join(folder, 'out/a-red-fox-sitting-42.jpg'),
      join(folder, 'out/a-red-fox-sitting-42-2.jpg'),
    ]);
    expect(await readFile(first, 'utf8')).toBe('one');
  });

  it('numbers a named file too', async () => {
    await writeFile(join(folder, 'fox.PNG'), 'mine');
    expect(await writePicture(await target('fox.PNG'), picture)).toBe(join(folder, 'fox-2.PNG'));
    expect(await readFile(join(folder, 'fox.PNG'), 'utf8')).toBe('mine');
  });

  it('gives pictures that are saved at the same moment names of their own', async () => {
    const to = await target('out');
    const paths = await Promise.all(Array.from({ length: 8 }, () => writePicture(to, picture)));
    expect(new Set(paths).size).toBe(8);
  });
});

describe('names from prompts', () => {
  it('keep letters and digits of any script', () => {
    expect(slug('A Red Fox -- on (blue)!')).toBe('a-red-fox-on-blue');
    expect(slug('一只红色的狐狸，坐在雪地里')).toBe('一只红色的狐狸-坐在雪地里');
    expect(slug('ثعلب أحمر')).toBe('ثعلب-أحمر');
  });

  it('leave out what a file system could read in another way, and have a name for the rest', () => {
    expect(slug('../../etc/passwd')).toBe('etc-passwd');
    expect(slug('a\u0000b\nC:\\x')).toBe('a-b-c-x');
    expect(slug('🦊🦊')).toBe('picture');
    expect(slug('🦊🏳️‍🌈')).toBe('picture');
    expect(slug('')).toBe('picture');
  });

  it('are short enough for every file system', () => {
    expect(Buffer.byteLength(slug('狐'.repeat(500)))).toBe(120);
    expect(slug('word '.repeat(100))).toHaveLength(39);
  });
});
