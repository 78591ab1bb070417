import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { known } from './use-server-words.ts';

test('the names and advice of all rules that the server has from the start are known', () => {
  const path = fileURLToPath(new URL('../../../../server/src/domain/alerting/rule.ts', import.meta.url));
  const source = readFileSync(path, 'utf8');
  const texts = [...source.matchAll(/^ {4}(?:name|advice):\s+'(.+)',$/gm)].map(([, text]) => text ?? '');
  expect(texts.length).toBeGreaterThanOrEqual(10);
  expect(texts.filter((text) => known[text] === undefined)).toEqual([]);
});
