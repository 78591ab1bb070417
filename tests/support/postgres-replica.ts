import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, ordinaryUser, postgresPrograms } from './postgres-server.ts';

const run = promisify(execFile);

/** A copy of a server of the tests that follows it by streaming replication. */
export async function startReplica(primaryUrl: string): Promise<{ readonly url: string; remove(): Promise<void> }> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const folder = mkdtempSync(join(tmpdir(), 'imagemill-replica-'));
  const user = ordinaryUser();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  const data = join(folder, 'data');
  const copy = ['-D', data, '-d', primaryUrl, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'];
  await run(join(programs, 'pg_basebackup'), copy, { ...user, cwd: folder });
  const port = await freePort();
  const settings = `-p ${port} -h 127.0.0.1 -k "" -c fsync=off -c max_connections=300 -c shared_buffers=64MB`;
  const control = (...args: string[]): Promise<unknown> =>
    run(join(programs, 'pg_ctl'), ['-D', data, '-w', '-s', ...args], { ...user, cwd: folder });
  await control('start', '-l', join(folder, 'log'), '-o', settings);
  const url = new URL(primaryUrl);
  url.port = String(port);
  return {
    url: url.href,
    async remove() {
      await control('stop', '-m', 'immediate').catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
