/**
 * Puts all that a machine without a network needs into one folder: the program, its packages for one platform, Node
 * itself, the page and the demo model, with SHA-256 sums and an installer that needs `sh`, `tar` and `sha256sum`.
 *
 *   node scripts/offline-bundle.ts [--out <folder>]
 *
 * Packages are taken from npm's cache, where `npm ci` left them, else fetched by `npm pack`; either way they must have
 * the integrity that package-lock.json names.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** An entry of `packages` in package-lock.json. */
interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

type Lock = Readonly<Record<string, LockedPackage>>;

/** Node for it is a package that the project has; for others there is none. */
const platform = { os: 'linux', cpu: 'x64' } as const;
const root = fileURLToPath(new URL('..', import.meta.url));
/** Parts of the program that run; the page is taken as it was built. */
const workspaces = ['packages/api', 'packages/onnx', 'packages/diffusion', 'apps/server', 'apps/cli'];
/** What lies beside them. */
const files = [
  'LICENSE',
  'README.md',
  'package.json',
  'deploy',
  'docs',
  'models/demo',
  'models/loras',
  'apps/web/dist',
];

function main(): void {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  if (!existsSync(join(root, 'apps/web/dist/index.html'))) throw new Error('The page is not built: npm run build:web');
  const { version, packages } = readJson<{ version: string; packages: Lock }>('package-lock.json');
  const out = values.out ?? join(root, `imagemill-${version}-${platform.os}-${platform.cpu}`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'packages'), { recursive: true });

  const needed = reachable(packages);
  const lines = needed.map((path) => `${path} ${fetchPackage(packages, path, out)}`);
  lines.push(...packWorkspaces(out));
  writeFileSync(join(out, 'packages.txt'), `${lines.join('\n')}\n`);
  execFileSync('tar', ['czf', join(out, 'files.tgz'), '-C', root, ...files]);
  cpSync(join(root, 'scripts/offline-install.sh'), join(out, 'install.sh'));
  writeFileSync(join(out, 'SHA256SUMS'), sumsOf(out));
  process.stdout.write(`${out}: ${needed.length} packages for ${platform.os} on ${platform.cpu}\n`);
}

/** Paths in node_modules of all packages that the workspaces need on the platform, as Node would find them. */
function reachable(lock: Lock): string[] {
  const found = new Set<string>();
  const visit = (from: string): void => {
    const { dependencies, optionalDependencies, peerDependencies } = lock[from] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const path = resolveFrom(lock, from, name);
      const entry = path === undefined ? undefined : lock[path];
      if (path === undefined || entry === undefined || entry.link === true || found.has(path)) continue;
      if (!fits(entry)) continue;
      found.add(path);
      visit(path);
    }
  };
  for (const workspace of workspaces) visit(workspace);
  // Node for the machine, so that it need not have one.
  const node = `node_modules/node-${platform.os}-${platform.cpu}`;
  if (lock[node] !== undefined) found.add(node);
  return [...found].sort();
}

function resolveFrom(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[path] !== undefined) return path;
    if (folder === '') return undefined;
  }
}

function fits({ os, cpu, libc }: LockedPackage): boolean {
  const has = (list: readonly string[] | undefined, one: string): boolean =>
    list === undefined || list.includes(one) || list.every((other) => other.startsWith('!') && other !== `!${one}`);
  return has(os, platform.os) && has(cpu, platform.cpu) && has(libc, 'glibc');
}

/** Copies the tarball of a package into the bundle; gives its name there. */
function fetchPackage(lock: Lock, path: string, out: string): string {
  const { version = '', integrity = '' } = lock[path] ?? {};
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const file = `packages/${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  const target = join(out, file);
  const [algorithm = '', base64 = ''] = integrity.split(' ')[0]?.split(/-(.*)/s) ?? [];
  const hex = Buffer.from(base64, 'base64').toString('hex');
  const cached = join(cacheFolder, '_cacache/content-v2', algorithm, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
  if (existsSync(cached)) copyFileSync(cached, target);
  else if (!existsSync(target)) npmPack([`${name}@${version}`], out, (packed) => renameSync(packed, target));
  const got = createHash(algorithm).update(readFileSync(target)).digest('base64');
  if (got !== base64) throw new Error(`${name}@${version} is not the package that package-lock.json names.`);
  return file;
}

/** The workspaces as `npm pack` makes them; lines of path and tarball. */
function packWorkspaces(out: string): string[] {
  const byName = new Map(workspaces.map((path) => [readJson<{ name: string }>(`${path}/package.json`).name, path]));
  const lines: string[] = [];
  npmPack(
    workspaces.map((path) => `./${path}`),
    out,
    (packed) => {
      const [name, path] =
        [...byName].find(([one]) => basename(packed).startsWith(`${one.slice(1).replace('/', '-')}-`)) ?? [];
      if (name === undefined || path === undefined) throw new Error(`${packed} belongs to no workspace.`);
      renameSync(packed, join(out, 'packages', basename(packed)));
      lines.push(`${path} packages/${basename(packed)}`);
    },
  );
  return lines;
}

function npmPack(specs: readonly string[], out: string, each: (file: string) => void): void {
  const folder = join(out, 'packed');
  mkdirSync(folder);
  execFileSync('npm', ['pack', ...specs, '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root });
  for (const name of readdirSync(folder)) each(join(folder, name));
  rmSync(folder, { recursive: true });
}

/** In the form that sha256sum checks. */
function sumsOf(out: string): string {
  const names = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1));
  const lines = names.sort().map((name) => {
    const sum = createHash('sha256')
      .update(readFileSync(join(out, name)))
      .digest('hex');
    return `${sum}  ${name}\n`;
  });
  return lines.join('');
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
}

const cacheFolder = process.env['npm_config_cache'] ?? join(homedir(), '.npm');

main();
