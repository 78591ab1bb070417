import type { Asset } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { fileNameOf } from './pictures.ts';

function nameFor(prompt: string, mediaType: string): string {
  const asset = { mediaType } satisfies Partial<Asset> as Asset;
  return fileNameOf({ prompt, seed: 7, asset });
}

describe('the file name of a download', () => {
  test('is made of the prompt, the seed and the kind of file', () => {
    expect(nameFor('A panda, on green!', 'image/png')).toBe('a-panda-on-green-7.png');
    expect(nameFor('一只熊猫，粉色背景', 'image/jpeg')).toBe('一只熊猫-粉色背景-7.jpg');
  });

  test('is never a path, a hidden file or empty', () => {
    expect(nameFor('../../etc/passwd', 'image/webp')).toBe('etc-passwd-7.webp');
    expect(nameFor('…🐼…', 'image/png')).toBe('picture-7.png');
  });

  test('is cut to a length every file system takes, between characters', () => {
    expect(nameFor('熊'.repeat(500), 'image/png')).toBe(`${'熊'.repeat(48)}-7.png`);
  });

  test('takes the commonest ending where the media type is new', () => {
    expect(nameFor('a', 'image/new')).toBe('a-7.png');
  });
});
