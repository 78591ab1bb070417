import { execFile, execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** A PostgreSQL server of the tests: on a port and in a folder of its own. */
export interface PostgresServer {
  /** Of the database `postgres`. */
  readonly url: string;
  /** `immediate` is as if it crashed. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** Where Debian's packages put the programs; undefined when none is installed. */
export function postgresPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).filter((name) => existsSync(join(root, name, 'bin/initdb')));
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(root, newest, 'bin');
}

/**
 * Starts a server. Texts are compared as in English, which is not the order of bytes.
 *
 * @param options.fsync whether commits wait for the disk @default false
 */
export async function startPostgres(options: { readonly fsync?: boolean } = {}): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const folder = mkdtempSync(join(tmpdir(), 'imagemill-postgres-'));
  const user = ordinaryUser();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  const [data, passwordFile] = [join(folder, 'data'), join(folder, 'password')];
  const password = randomBytes(12).toString('hex');
  writeFileSync(passwordFile, password);
  if (user.uid !== undefined) chownSync(passwordFile, user.uid, user.gid ?? user.uid);
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'];
  const access = ['-U', 'imagemill', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  await run(join(programs, 'initdb'), ['-D', data, '-N', ...locale, ...access], { ...user, cwd: folder });
  const port = await freePort();
  const fsync = options.fsync === true ? 'on' : 'off';
  const settings = `-p ${port} -h 127.0.0.1 -k "" -c fsync=${fsync} -c max_connections=300 -c shared_buffers=64MB`;
  const control = (...args: string[]): Promise<unknown> =>
    run(join(programs, 'pg_ctl'), ['-D', data, '-w', '-s', ...args], { ...user, cwd: folder });
  const start = async (): Promise<void> => {
    await control('start', '-l', join(folder, 'log'), '-o', settings);
  };
  const stop = async (mode = 'fast'): Promise<void> => {
    await control('stop', '-m', mode);
  };
  await start();
  return {
    url: `postgres://imagemill:${password}@127.0.0.1:${port}/postgres`,
    start,
    stop,
    async restart(mode) {
      await stop(mode);
      await start();
    },
    async remove() {
      await stop('immediate').catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Creates an empty database; the result of `drop` is that it never was. */
export async function createDatabase(serverUrl: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await query(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => query(serverUrl, `drop database if exists ${name} with (force)`) };
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** PostgreSQL does not run as root; Debian's package has a user for it. */
export function ordinaryUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string): number => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
