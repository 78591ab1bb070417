import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { settingsZhCn } from './settings-zh-cn.ts';

test('every setting of the server is explained in Chinese', () => {
  const document = readFileSync(fileURLToPath(new URL('../../../../../docs/settings.md', import.meta.url)), 'utf8');
  const names = [...document.matchAll(/^\| `(\w+)` \| `IMAGEMILL_/gm)].map(([, name]) => name ?? '');
  expect(names.length).toBeGreaterThan(100);
  expect(Object.keys(settingsZhCn).sort()).toEqual(names.sort());
});
