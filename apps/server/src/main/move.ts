/** Moves an embedded server's data folder into a cluster: `imagemill move`. */
import { existsSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Kysely } from 'kysely';
import { FilesystemStore } from '../adapters/assets/filesystem-store.ts';
import { systemClock } from '../adapters/clock.ts';
import { createIdSource } from '../adapters/id-source.ts';
import { bucketNameOf } from '../adapters/loras/bucket-loras.ts';
import { type CopyReport, copyRecords, filledTables, othersConnected } from '../adapters/sql/copy-records.ts';
import { lockFolder } from '../adapters/sql/data-lock.ts';
import { migrate } from '../adapters/sql/migrations.ts';
import { openPool } from '../adapters/sql/postgres-connection.ts';
import { PostgresWriter } from '../adapters/sql/postgres-writer.ts';
import type { Tables } from '../adapters/sql/schema.ts';
import { addLoraUpload } from '../adapters/sql/sql-loras.ts';
import { openConnection } from '../adapters/sql/sqlite-connection.ts';
import type { LoraUpload } from '../application/lora-ports.ts';
import type { Logger, PictureStore } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { contentHash } from '../domain/ids.ts';
import { readUploads } from './compose-loras.ts';
import { openFileCopies, openPictures } from './open-pictures.ts';
import { movedNote, openDatabase, sharedFolder } from './open-records.ts';

export interface MoveReport extends CopyReport {
  readonly pictures: number;
  readonly files: number;
}

/**
 * Copies pictures and handed-in files first, which may be repeated as often as needed: what is there already is left.
 * Then all records in one transaction. In the end the data folder is marked, so that no server draws its queue again.
 *
 * @param tell told what was done, for people
 * @throws StartupError `database_missing`, `database_unusable`, `data_folder_unusable`, `data_folder_in_use`,
 *   `move_refused` when the target is in use or holds records, or a picture is missing or damaged
 */
export async function moveToCluster(config: Config, tell: (line: string) => void): Promise<MoveReport> {
  const { databaseUrl: url, dataDir } = config;
  if (url === undefined) {
    const message = `There is nowhere to move to: set ${variableOf('databaseUrl')} to the PostgreSQL database of the cluster.`;
    throw new StartupError('database_missing', message);
  }
  const path = join(dataDir, 'imagemill.db');
  if (!existsSync(path)) throw new StartupError('data_folder_unusable', `There are no records in ${dataDir}.`);
  const taken = lockFolder(dataDir);
  if (!('lock' in taken)) {
    throw new StartupError('data_folder_in_use', `A server works in the data folder ${dataDir}. Stop it first.`);
  }
  const options = { url, name: 'imagemill move', durability: 'full', clock: systemClock, log: silent } as const;
  const source = openConnection({ path, readOnly: false, durability: 'full' });
  const pool = openPool(options, 2);
  const writer = new PostgresWriter(options);
  try {
    await migrate(source.queries as unknown as Kysely<unknown>);
    // Brings the tables up to date.
    await (await openDatabase(options, 0)).close();
    await requireEmpty(pool.queries, source.queries);
    const pictures = await movePictures(source.queries, config, tell);
    const files = await moveFiles(config);
    const loras = await copyToBucket(config, tell);
    tell(`${files} files that were handed in are there`);
    const report = await copyRecords(
      source.queries,
      writer,
      ({ name, rows }) => rows > 0 && tell(`${name}: ${rows} rows`),
      async (target) => {
        for (const lora of loras) await addLoraUpload(target, lora);
      },
    );
    writeFileSync(movedNote(dataDir), `${JSON.stringify({ at: new Date().toISOString() })}\n`);
    return { ...report, pictures, files };
  } finally {
    await writer.close();
    await pool.close();
    source.close();
    taken.lock.release();
  }
}

async function requireEmpty(target: Kysely<Tables>, source: Kysely<Tables>): Promise<void> {
  const others = await othersConnected(target);
  if (others.length > 0) {
    throw refused(`Other processes use the database: ${others.join(', ')}. Stop them, move, and start them again.`);
  }
  const filled = await filledTables(target, source);
  if (filled.length === 0) return;
  const what = filled.map(({ name, rows }) => `${name} (${rows})`).join(', ');
  throw refused(`The database holds records already: ${what}. Move into an empty database.`);
}

/** @throws StartupError `move_refused` naming pictures that are missing or damaged */
async function movePictures(source: Kysely<Tables>, config: Config, tell: (line: string) => void): Promise<number> {
  const from = await FilesystemStore.open(join(config.dataDir, 'assets'));
  const to = await openPictures(config);
  const rows = await source.selectFrom('assets').select(['sha256', 'size_bytes']).distinct().execute();
  const broken: string[] = [];
  let done = 0;
  const queue = rows[Symbol.iterator]();
  const copyNext = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      if (!(await movePicture(from, to, next.value.sha256, next.value.size_bytes))) broken.push(next.value.sha256);
      done += 1;
      if (done % TELL_EVERY === 0) tell(`${done} of ${rows.length} pictures are there`);
    }
  };
  await Promise.all(Array.from({ length: PICTURES_AT_ONCE }, copyNext));
  if (broken.length > 0) {
    const some = broken.slice(0, 10).join(', ');
    throw refused(
      `${broken.length} pictures in ${config.dataDir} are missing or damaged: ${some}. Restore them from a backup.`,
    );
  }
  tell(`${done} pictures are there`);
  return done;
}

/** False when the bytes of the source are not those that the records speak of. */
async function movePicture(from: PictureStore, to: PictureStore, sha256: string, sizeBytes: number): Promise<boolean> {
  const stream = await from.open(contentHash(sha256));
  if (stream === undefined) return false;
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== sizeBytes) return false;
  return (await to.put(bytes)).sha256 === sha256;
}

/** Copies the other folders that processes share; gives the number of their files. */
async function moveFiles(config: Config): Promise<number> {
  const [from, to] = [resolve(config.dataDir), resolve(sharedFolder(config))];
  let count = 0;
  for (const name of SHARED_FOLDERS) {
    const entries = await readdir(join(from, name), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      count += 1;
      if (from !== to) await copyWhole(path, join(to, path.slice(from.length)));
    }
  }
  return count;
}

/** Where the bucket is all that processes share: files go there, and LoRAs with a record each, which it gives. */
async function copyToBucket(config: Config, tell: (line: string) => void): Promise<readonly LoraUpload[]> {
  const copies = openFileCopies(config);
  if (copies === undefined) return [];
  const from = resolve(config.dataDir);
  for (const folder of ['bulks', 'files']) {
    const names = await readdir(join(from, folder)).catch(() => []);
    for (const name of names) {
      if (!name.endsWith('.part')) await copies.keep(`${folder}/${name}`, join(from, folder, name));
    }
  }
  const ids = createIdSource(systemClock);
  const loras: LoraUpload[] = [];
  for (const { path, ...lora } of await readUploads(config)) {
    const upload = { ...lora, id: ids.next(), createdAt: systemClock.now() };
    await copies.keep(bucketNameOf(upload), path);
    loras.push(upload);
  }
  if (loras.length > 0) tell(`${loras.length} LoRAs are there`);
  return loras;
}

/** A file with its final name is whole. */
async function copyWhole(from: string, to: string): Promise<void> {
  const size = (await stat(to).catch(() => undefined))?.size;
  if (size === (await stat(from)).size) return;
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, `${to}.part`);
  await rename(`${to}.part`, to);
}

function refused(message: string): StartupError {
  return new StartupError('move_refused', message);
}

const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

const SHARED_FOLDERS = ['bulks', 'files', 'loras'];
const PICTURES_AT_ONCE = 4;
const TELL_EVERY = 1_000;
