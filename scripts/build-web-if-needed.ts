/**
 * Builds the web page when there is no build yet or when it was made from other sources. Prints one line.
 *
 * Sources are compared by content, not by time: a checkout, a copy or an unpacked archive has any times.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Everything that a build depends on, relative to the root of the repository. */
const sources = [
  'apps/web/index.html',
  'apps/web/package.json',
  'apps/web/vite.config.ts',
  'apps/web/{public,src}/**/*',
  'packages/api/package.json',
  'packages/api/src/**/*',
  'package-lock.json',
];
const isNoSource = /\.test\.tsx?$/;

/** Hash over the names and contents of all sources. */
export function hashSources(root: string): string {
  const hash = createHash('sha256');
  const files = globSync(sources, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !isNoSource.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) {
    const bytes = readFileSync(file);
    hash.update(`${file.slice(root.length)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

/** What is to be done about the build in `apps/web/dist`: nothing, or a build for the reason given. */
export function checkBuild(root: string): { readonly isNeeded: boolean; readonly why: string } {
  const dist = join(root, 'apps/web/dist');
  const isBuilt = existsSync(join(dist, 'index.html'));
  // A package that ships the build without its sources has nothing to compare it with.
  if (isBuilt && !existsSync(join(root, 'apps/web/src'))) return { isNeeded: false, why: 'shipped' };
  if (!isBuilt) return { isNeeded: true, why: 'there was none' };
  const stamp = stampPath(root);
  const isCurrent = existsSync(stamp) && readFileSync(stamp, 'utf8') === hashSources(root);
  return isCurrent ? { isNeeded: false, why: 'up to date' } : { isNeeded: true, why: 'its sources have changed' };
}

function stampPath(root: string): string {
  return join(root, 'apps/web/dist/.sources');
}

/**
 * Runs Vite in a process of its own. Needs no network. Returns what went wrong, or undefined.
 *
 * Always as the page is shipped: Vite takes NODE_ENV from whoever calls, and under a test runner it would bundle the
 * development build of React, three times as large.
 */
function build(root: string): string | undefined {
  const webRequire = createRequire(join(root, 'apps/web/package.json'));
  const vite = join(webRequire.resolve('vite/package.json'), '../bin/vite.js');
  const { status, stderr, error } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: join(root, 'apps/web'),
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim();
}

function main(): void {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
  const { isNeeded, why } = checkBuild(root);
  if (!isNeeded) {
    console.log(`Web page: ${why}.`);
    return;
  }
  const startedAt = performance.now();
  const hash = hashSources(root);
  const problem = build(root);
  if (problem !== undefined) {
    console.error(`Web page: the build failed. ${problem}`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(stampPath(root), hash);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`Web page: built in ${seconds} s, because ${why}.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
