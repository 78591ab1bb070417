import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkBuild, hashSources } from './build-web-if-needed.ts';

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function stampBuild(): void {
  write('apps/web/dist/index.html', '');
  write('apps/web/dist/.sources', hashSources(root));
}

describe('the build of the web page', () => {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'imagemill-build-web-'));
    write('apps/web/index.html', '<!doctype html>');
    write('apps/web/src/main.tsx', 'one');
    write('packages/api/src/index.ts', 'api');
    write('package-lock.json', '{}');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('is needed where there is none', () => {
    expect(checkBuild(root)).toEqual({ isNeeded: true, why: 'there was none' });
  });

  test('is not needed while the sources are the same, whatever their times', () => {
    stampBuild();
    utimesSync(join(root, 'apps/web/src/main.tsx'), new Date(), new Date(Date.now() + 3_600_000));
    expect(checkBuild(root)).toEqual({ isNeeded: false, why: 'up to date' });
  });

  test.each(['apps/web/src/main.tsx', 'apps/web/index.html', 'packages/api/src/index.ts', 'package-lock.json'])(
    'is needed after a change of %s',
    (path) => {
      stampBuild();
      write(path, 'other');
      expect(checkBuild(root).isNeeded).toBe(true);
    },
  );

  test('is needed after a source was added or renamed, but not for a test', () => {
    stampBuild();
    write('apps/web/src/main.test.ts', 'a test');
    expect(checkBuild(root).isNeeded).toBe(false);
    write('apps/web/public/favicon.svg', '<svg/>');
    expect(checkBuild(root).isNeeded).toBe(true);
  });

  test('is needed where a build does not say what it was made from', () => {
    write('apps/web/dist/index.html', '');
    expect(checkBuild(root)).toEqual({ isNeeded: true, why: 'its sources have changed' });
  });

  test('is taken as it is where the sources are not shipped', () => {
    stampBuild();
    rmSync(join(root, 'apps/web/src'), { recursive: true });
    expect(checkBuild(root)).toEqual({ isNeeded: false, why: 'shipped' });
  });
});
