import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { auditActions } from './audit-actions.ts';

test('the audit log can be narrowed to every act that the server writes into it', () => {
  const source = fileURLToPath(new URL('../../../../server/src', import.meta.url));
  const files = globSync('**/*.ts', { cwd: source, exclude: (path) => path.endsWith('.test.ts') });
  const text = files.map((file) => readFileSync(`${source}/${file}`, 'utf8')).join('\n');
  const written = [...text.matchAll(/\baction: '([a-z_]+\.[a-z_]+)'/g)].map(([, action]) => action ?? '');
  expect(written.length).toBeGreaterThan(30);
  expect(written.filter((action) => !auditActions.some((known) => known === action))).toEqual([]);
});
