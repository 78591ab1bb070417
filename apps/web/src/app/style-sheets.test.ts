import { globSync, readFileSync } from 'node:fs';
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
  test.each(modules)('%s has the classes that its component uses, and no others', (path) => {
    const component = readFileSync(source + path.replace('.module.css', '.tsx'), 'utf8');
    const used = [...new Set([...component.matchAll(/\bstyles\.(\w+)/g)].map((match) => match[1]!))].sort();
    expect(classesIn(readFileSync(source + path, 'utf8'))).toEqual(used);
  });
});
