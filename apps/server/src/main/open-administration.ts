import { mkdir } from 'node:fs/promises';
import { systemClock } from '../adapters/clock.ts';
import { createAdministrationApp } from '../adapters/http/administration-app.ts';
import { createIdSource } from '../adapters/id-source.ts';
import { type AccessFile, openAccessFile } from '../adapters/sql/access-file.ts';
import { lockFolder } from '../adapters/sql/data-lock.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { commandLineCaller } from '../domain/access/caller.ts';
import { composeAdministration } from './compose-administration.ts';
import { installationRetention, type RetentionSettings } from './compose-retention.ts';
import { openDatabase, unusableFolder } from './open-records.ts';

/** The API's routes of administration on a data folder, without a server. */
export interface Administration {
  /** Answers requests to paths of the API, with the rights of who owns the folder. */
  readonly fetch: typeof fetch;
  close(): Promise<void>;
}

/** Also while a server works in the folder. @throws StartupError `data_folder_unusable`, AppError `storage_failed` */
export async function openAdministration(
  config: Pick<Config, 'dataDir' | 'databaseUrl'> & RetentionSettings,
): Promise<Administration> {
  const { databaseUrl: url, dataDir } = config;
  const { file, lock } = url === undefined ? await openFolder(dataDir) : await openShared(url);
  const store = {
    reader: file.access,
    transact: <T>(work: (transaction: Parameters<Parameters<typeof file.transact>[0]>[0]['access']) => Promise<T>) =>
      file.transact(({ access }) => work(access)),
  };
  const transact = file.transact.bind(file);
  const ports = composeAdministration({
    ...{ store, usage: file.usage, transact, ids: createIdSource(systemClock) },
    ...{ retention: file.retention, retentionRules: installationRetention(config) },
  });
  const app = createAdministrationApp(ports, commandLineCaller, silent);
  return {
    async fetch(input, init) {
      const { method = 'GET', headers, body } = init ?? {};
      const answer = await app.inject({
        method: method as 'GET',
        url: String(input),
        headers: Object.fromEntries(new Headers(headers)),
        ...(typeof body === 'string' ? { payload: body } : {}),
      });
      const type = String(answer.headers['content-type'] ?? '');
      return new Response(answer.body, { status: answer.statusCode, headers: { 'content-type': type } });
    },
    async close() {
      await app.close();
      await file.close();
      lock?.release();
    },
  };
}

async function openShared(url: string): Promise<{ file: AccessFile; lock: undefined }> {
  const options = { url, name: 'imagemill administration', durability: 'full', clock: systemClock } as const;
  return { file: await openDatabase({ ...options, log: silent }, 0), lock: undefined };
}

async function openFolder(folder: string) {
  try {
    await mkdir(folder, { recursive: true });
    const taken = lockFolder(folder);
    const lock = 'lock' in taken ? taken.lock : undefined;
    try {
      return { file: await openAccessFile({ folder, isAlone: lock !== undefined }), lock };
    } catch (error) {
      lock?.release();
      throw error;
    }
  } catch (error) {
    if (error instanceof Error && 'details' in error) throw error;
    throw unusableFolder(folder, error);
  }
}

const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}
