import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

// TypeScript sees a style sheet as a record of any names, so a class that was renamed on one side goes unnoticed.
const source = fileURLToPath(new URL('..', import.meta.url));
const modules = globSync('**/*.module.css', { cwd: source });

function classesIn(css: string): string[] {
  const withoutGlobals = css.replace(/:global\([^)]*\)/g, '').replace(/\/\*.*?\*\//gs, '');
  const selectors = withoutGlobals.replace(/\{[^{}]*\}/g, '{}').replace(/@\w+[^{;]*[{;]/g, '');
  return [...new Set([...selectors.matchAll(/\.([A-Za-z][\w-]*)/g)].map((match) => match[1]!))].sort();
}

describe('style sheets', () => {
  test.each(modules)('%s has the classes that the components of its folder use, and no others', (path) => {
    const users = globSync('*.tsx', { cwd: source + dirname(path) })
      .map((name) => readFileSync(join(source, dirname(path), name), 'utf8'))
      .filter((component) => component.includes(`'./${basename(path)}'`))
      .join('\n');
    const used = [...new Set([...users.matchAll(/\bstyles\.(\w+)/g)].map((match) => match[1]!))].sort();
    expect(classesIn(readFileSync(source + path, 'utf8'))).toEqual(used);
  });
});
