/** A look at a machine without a server: can one start here, and what was left behind. */
import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import { systemClock } from '../adapters/clock.ts';
import { createModelStore } from '../adapters/hub/model-store.ts';
import { projectModelsFolder, resolveModelsFolder } from '../adapters/hub/models-folder.ts';
import { readIncidents } from '../adapters/incidents/incident-folder.ts';
import { createCheckpointCatalog } from '../adapters/models/checkpoint-catalog.ts';
import { checkDatabase } from '../adapters/sql/check-database.ts';
import { lockFolder } from '../adapters/sql/data-lock.ts';
import { type Check, checkChannels, checkIncidents, gigabytes } from '../application/doctor.ts';
import type { InstalledModel, ModelStore } from '../application/model-ports.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { INCIDENTS_FOLDER } from './compose-watchdog.ts';
import { startEngine } from './start-engine.ts';

export interface ExamineOptions {
  /** Hash every file of every model, which reads all of them. */
  readonly verify: boolean;
  readonly signal: AbortSignal;
}

/** One check after the other, as they are done. Writes nothing but a probe in the data folder. */
export async function* examineMachine(config: Config, options: ExamineOptions): AsyncGenerator<Check> {
  yield checkNode(process.versions.node);
  const folder = await checkFolder(config.dataDir);
  yield folder;
  const isServing = folder.state !== 'fail' && isServed(config.dataDir);
  if (folder.state !== 'fail') {
    yield await checkRoom(config);
    yield* checkRecords(config);
  }
  yield await checkPort(config, isServing);
  const models = createModelStore({
    modelsFolder: resolveModelsFolder(config.modelsFolder),
    readOnlyFolders: [projectModelsFolder],
  });
  yield* checkModels(config, models, options);
  if (!options.signal.aborted) yield await checkDevice(config);
  yield await checkMemory(config);
  yield checkMail(config);
  yield FONTS;
  yield checkIncidents(readIncidents(join(config.dataDir, INCIDENTS_FOLDER)), Date.now());
}

function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > 22 || (major === 22 && minor >= 13);
  if (isNew) return { id: 'node', state: 'ok', message: `Node ${version} is new enough.` };
  return { id: 'node', state: 'fail', message: `Node ${version} is too old.`, advice: 'Install Node 22.13 or newer.' };
}

async function checkFolder(folder: string): Promise<Check> {
  const id = 'data';
  if (!existsSync(folder)) {
    return { id, state: 'ok', message: `The data folder ${folder} is not there yet; the first start makes it.` };
  }
  try {
    await access(folder, constants.R_OK | constants.W_OK);
    await rmdir(await mkdtemp(join(folder, '.probe-')));
    return { id, state: 'ok', message: `The data folder ${folder} can be written.` };
  } catch (error) {
    const message = `The data folder ${folder} cannot be written: ${(error as Error).message}.`;
    return { id, state: 'fail', message, advice: 'Mend its rights, or choose another with --data-dir.' };
  }
}

async function checkRoom({ dataDir, minFreeBytes }: Config): Promise<Check> {
  if (!existsSync(dataDir)) return { id: 'disk', state: 'ok', message: 'There is nothing on the disk yet.' };
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const message = `${gigabytes(free)} are free where the data folder is; ${gigabytes(minFreeBytes)} is the least.`;
  if (free >= 2 * minFreeBytes) return { id: 'disk', state: 'ok', message };
  const advice = 'Make room: below the setting minFreeBytes a server accepts nothing new (507).';
  return { id: 'disk', state: free < minFreeBytes ? 'fail' : 'warn', message, advice };
}

function isServed(folder: string): boolean {
  if (!existsSync(join(folder, 'server.lock'))) return false;
  const taken = lockFolder(folder);
  if (!('lock' in taken)) return true;
  taken.lock.release();
  return false;
}

function* checkRecords({ dataDir, databaseUrl }: Config): Generator<Check> {
  if (databaseUrl !== undefined) {
    const message = 'The records are in PostgreSQL; "imagemill doctor --server <url>" asks a server that uses them.';
    yield { id: 'records', state: 'ok', message };
    return;
  }
  const path = join(dataDir, 'imagemill.db');
  if (!existsSync(path)) {
    yield { id: 'records', state: 'ok', message: 'There are no records yet.' };
    return;
  }
  const { problem, newestAt } = checkDatabase(path);
  if (problem !== undefined) {
    const advice = 'Stop the server, keep a copy of the data folder, and restore the last backup.';
    yield { id: 'records', state: 'fail', message: `The database ${path} is damaged: ${problem}.`, advice };
    return;
  }
  yield { id: 'records', state: 'ok', message: `The database ${path} is whole.` };
  const aheadMs = newestAt === undefined ? 0 : newestAt - Date.now();
  if (aheadMs <= SKEW_MS) {
    yield { id: 'clock', state: 'ok', message: 'The clock is not behind the newest record.' };
    return;
  }
  const message = `The clock is wrong, or was: the newest record is ${Math.round(aheadMs / 1_000)} s in the future.`;
  yield {
    id: 'clock',
    state: 'warn',
    message,
    advice: 'Set the clock, e.g. with NTP. A server mends what waits too long.',
  };
}

async function checkPort({ host, port }: Config, isServing: boolean): Promise<Check> {
  if (port === 0) return { id: 'port', state: 'ok', message: 'A free port is picked at the start.' };
  const where = `${host}:${port}`;
  const fault = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (fault === undefined) return { id: 'port', state: 'ok', message: `The port ${where} is free.` };
  if (fault.code === 'EADDRINUSE' && isServing) {
    return { id: 'port', state: 'ok', message: `A server works in the data folder, and the port ${where} is in use.` };
  }
  if (fault.code === 'EADDRINUSE') {
    const advice = 'Stop that program, or choose another port with --port or IMAGEMILL_PORT.';
    return { id: 'port', state: 'fail', message: `Another program listens on ${where}.`, advice };
  }
  const message = `The system does not let a server listen on ${where} (${fault.code}).`;
  return { id: 'port', state: 'fail', message, advice: 'Choose another with --host or --port.' };
}

async function* checkModels(config: Config, store: ModelStore, options: ExamineOptions): AsyncGenerator<Check> {
  const installed = [...(await store.list())];
  if (config.model !== undefined && !installed.some(({ path }) => path === config.model)) {
    const found = await store.find(config.model).catch(() => undefined);
    if (found !== undefined && !installed.some(({ path }) => path === found.path)) installed.push(found);
  }
  if (installed.length === 0) {
    const advice = '"imagemill models pull Tongyi-MAI/Z-Image-Turbo" downloads one.';
    yield { id: 'model', state: 'fail', message: 'No model is installed.', advice };
    return;
  }
  const named = installed.map(({ id, path, family }) => ({ name: id, path, family }));
  const catalog = await createCheckpointCatalog(named, config);
  for (const [index, entry] of catalog.list().entries()) {
    const model = installed[index];
    if (model === undefined || options.signal.aborted) continue;
    if (entry.kind === 'unusable') {
      const message = `The model ${entry.name} cannot be used: ${entry.problem.message}`;
      yield { id: 'model', state: 'fail', message, advice: again(model) };
    } else yield options.verify ? await verify(store, model, options.signal) : unverified(model);
  }
}

function unverified(model: InstalledModel): Check {
  if (model.verification !== 'changed') {
    const how = model.verification === 'verified' ? 'its files have not changed since they were hashed' : 'not hashed';
    return { id: 'model', state: 'ok', message: `The model ${model.id} can be read; ${how}.` };
  }
  const message = `Files of the model ${model.id} changed since they were last hashed.`;
  return { id: 'model', state: 'warn', message, advice: `"imagemill models verify ${model.id}" says which.` };
}

async function verify(store: ModelStore, model: InstalledModel, signal: AbortSignal): Promise<Check> {
  try {
    const { faults, filesChecked } = await store.verify(model, () => undefined, signal);
    if (faults.length === 0) {
      return { id: 'model', state: 'ok', message: `All ${filesChecked} files of the model ${model.id} are whole.` };
    }
    const files = faults.map(({ path, fault }) => `${path} (${fault})`).join(', ');
    const message = `Files of the model ${model.id} are damaged: ${files}.`;
    return { id: 'model', state: 'fail', message, advice: again(model) };
  } catch (error) {
    return {
      id: 'model',
      state: 'warn',
      message: `The model ${model.id} was not checked: ${(error as Error).message}`,
    };
  }
}

function again(model: InstalledModel): string {
  if (model.origin === undefined) return 'Put whole files into its folder, from where it came.';
  return `"imagemill models pull ${model.origin.repository}" fetches what is damaged again.`;
}

/** Starts an engine as a server would, with its self-test, and ends it. */
async function checkDevice(config: Config): Promise<Check> {
  const engine = startEngine({ ...config, calibrate: false, slots: 1 }, { clock: systemClock, log: silent });
  try {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (engine.status.state === 'starting') return;
        stop();
        resolve();
      };
      const stop = engine.onChange(look);
      look();
    });
    const { state, executionProvider, problem, notes, device } = engine.status;
    if (state !== 'ready') {
      const message = `The device ${device} cannot draw: ${problem?.message ?? 'it did not say why.'}`;
      return {
        id: 'device',
        state: 'fail',
        message,
        advice: 'Choose another with --device, e.g. cpu, or install its driver.',
      };
    }
    const said = notes.length === 0 ? '' : ` ${notes.map((note) => note.message).join(' ')}`;
    const message = `The device ${device} passes its self-test and draws with ${executionProvider}.${said}`;
    if (executionProvider !== 'cpu' || device === 'cpu') return { id: 'device', state: 'ok', message };
    const advice = 'The card is not used: install its driver, and for CUDA "npm run cuda:install".';
    return { id: 'device', state: 'warn', message, advice };
  } finally {
    await engine.close();
  }
}

async function checkMemory({ device, memoryReserveBytes }: Config): Promise<Check> {
  const reading = (await openDeviceMemory(device))?.read();
  if (reading === undefined) {
    return { id: 'memory', state: 'ok', message: `Nobody tells how much memory the device ${device} has.` };
  }
  const { freeBytes, totalBytes } = reading;
  const message = `${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} of the device's memory are free.`;
  const isShort = freeBytes < memoryReserveBytes + 1e9;
  const advice = 'End other programs that use it, or choose weights that take less, e.g. --weights w8a8.';
  return { id: 'memory', state: isShort ? 'warn' : 'ok', message, ...(isShort && { advice }) };
}

function checkMail({ smtpUrl, alertMailTo }: Config): Check {
  if (alertMailTo.length === 0) return checkChannels(false);
  if (smtpUrl !== undefined) return checkChannels(true);
  const message = 'alertMailTo names who gets alerts, and no mail server is set.';
  return { id: 'alerts', state: 'fail', message, advice: 'Set smtpUrl and mailFrom.' };
}

const FONTS: Check = {
  id: 'fonts',
  state: 'ok',
  message:
    'No fonts are needed here: marks on pictures are drawn with strokes of their own, the page uses those of the browser.',
};
const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

const SKEW_MS = 5_000;
