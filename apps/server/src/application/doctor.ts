/** What a look at an installation finds: one plain sentence a check, and what to do. */
import type { Alert } from '../domain/alerting/alert.ts';
import type { EngineStatus } from './engine-port.ts';
import type { Incident, IncidentBook } from './incidents.ts';
import type { Clock, Disk, ModelCatalog, Store } from './ports.ts';

export interface Check {
  /** Short and stable, e.g. `disk`. */
  readonly id: string;
  /** `warn`: works, and deserves a look. `fail`: something does not work. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do; absent when there is nothing to do. */
  readonly advice?: string | undefined;
}

export interface Diagnosis {
  readonly at: number;
  readonly checks: readonly Check[];
  readonly incidents: readonly Incident[];
}

export type Diagnose = () => Promise<Diagnosis>;

export interface DiagnosePorts {
  readonly clock: Clock;
  readonly store: Pick<Store, 'queue' | 'alerts'>;
  readonly disk: Disk;
  readonly models: ModelCatalog;
  readonly engines: () => readonly EngineStatus[];
  readonly incidents: IncidentBook;
  /** Whether alerts have somewhere to go beside the page. */
  readonly hasChannels: () => Promise<boolean>;
}

/** A look at a server that runs. */
export function createDiagnose(ports: DiagnosePorts): Diagnose {
  return async () => {
    const [queue, disk, alerts, channels] = await Promise.all([
      checkQueue(ports),
      checkDisk(ports.disk),
      ports.store.alerts.alerts({ limit: 20, state: 'firing' }),
      ports.hasChannels(),
    ]);
    const checks = [
      ...ports.engines().map(checkEngine),
      ...ports.models.list().flatMap(checkModel),
      ...queue,
      disk,
      ...alerts.map(checkAlert),
      checkChannels(channels),
      checkIncidents(ports.incidents.list(), ports.clock.now()),
    ];
    return { at: ports.clock.now(), checks, incidents: ports.incidents.list().slice(0, SHOWN) };
  };
}

function checkEngine({ device, state, problem, crashes, executionProvider }: EngineStatus): Check {
  const id = 'engine';
  if (state === 'ready') {
    const often = crashes > 0 ? ` Its process ended ${crashes} times unasked.` : '';
    const message = `The engine on ${device} draws${executionProvider === undefined ? '' : ` with ${executionProvider}`}.${often}`;
    return { id, state: crashes > 0 ? 'warn' : 'ok', message, ...(crashes > 0 && { advice: SEE_REPORTS }) };
  }
  const why = problem === undefined ? '' : `: ${problem.message}`;
  const message = `The engine on ${device} is ${state}${why}`;
  return { id, state: state === 'starting' ? 'warn' : 'fail', message, advice: SEE_REPORTS };
}

function checkModel(entry: ReturnType<ModelCatalog['list']>[number]): Check[] {
  if (entry.kind === 'usable') return [];
  const message = `The model ${entry.name} cannot be used: ${entry.problem.message}`;
  return [{ id: 'model', state: 'fail', message, advice: `"imagemill models verify ${entry.name}" says more.` }];
}

async function checkQueue({ store, clock }: DiagnosePorts): Promise<Check[]> {
  const { pausedSince, classes, dead } = await store.queue.facts();
  const all = Object.values(classes);
  const waiting = all.reduce((sum, { queued, backingOff }) => sum + queued + backingOff, 0);
  const running = all.reduce((sum, one) => sum + one.running, 0);
  const oldest = Math.min(...all.map(({ oldestAt }) => oldestAt ?? Number.POSITIVE_INFINITY));
  const ageMs = Number.isFinite(oldest) ? clock.now() - oldest : 0;
  const checks: Check[] = [];
  if (pausedSince !== undefined) {
    const message = `The queue is paused since ${new Date(pausedSince).toISOString()}; ${waiting} pictures wait.`;
    checks.push({ id: 'queue', state: 'warn', message, advice: 'Resume it on the queue page when it is time.' });
  } else if (waiting > 0 && running === 0 && ageMs > BLOCKED_MS) {
    const message = `${waiting} pictures wait and none is drawn; the oldest waits for ${Math.round(ageMs / 1_000)} s.`;
    const advice = 'Look at the engine above. Nothing has to be flushed: the records hold every job.';
    checks.push({ id: 'queue', state: 'fail', message, advice });
  } else checks.push({ id: 'queue', state: 'ok', message: `${waiting} pictures wait, ${running} are drawn.` });
  if (dead > 0) {
    const advice = 'The queue page lists them with their reasons, and tries them again.';
    checks.push({ id: 'dead-letters', state: 'warn', message: `${dead} pictures ran out of attempts.`, advice });
  }
  return checks;
}

async function checkDisk(disk: Disk): Promise<Check> {
  const free = await disk.freeBytes();
  const message = `${gigabytes(free)} are free where pictures are kept; ${gigabytes(disk.minFreeBytes)} is the least.`;
  if (free < disk.minFreeBytes) {
    return { id: 'disk', state: 'fail', message, advice: 'Make room: nothing new is accepted (507) until there is.' };
  }
  const isLow = free < 2 * disk.minFreeBytes;
  return { id: 'disk', state: isLow ? 'warn' : 'ok', message, ...(isLow && { advice: 'Make room soon.' }) };
}

function checkAlert({ rule, firedAt }: Alert): Check {
  const message = `The alert "${rule.name}" fires since ${new Date(firedAt).toISOString()}.`;
  return { id: 'alert', state: rule.severity === 'critical' ? 'fail' : 'warn', message, advice: rule.advice };
}

export function checkChannels(hasChannels: boolean): Check {
  if (hasChannels) return { id: 'alerts', state: 'ok', message: 'Alerts have a channel to go to.' };
  const message = 'Alerts are only seen on the page: there is no channel to send them to.';
  const advice = 'Set smtpUrl and alertMailTo, or add a channel: "imagemill alerts add-channel".';
  return { id: 'alerts', state: 'warn', message, advice };
}

export function checkIncidents(incidents: readonly Incident[], now: number): Check {
  const recent = incidents.filter(({ at }) => now - at < DAY_MS);
  const [last] = recent;
  if (last === undefined) return { id: 'incidents', state: 'ok', message: 'The watchdog had nothing to do in a day.' };
  const message = `The watchdog acted ${recent.length} times in a day, last at ${new Date(last.at).toISOString()}: ${last.message} ${last.action}`;
  return { id: 'incidents', state: 'warn', message, advice: SEE_REPORTS };
}

export function gigabytes(bytes: number): string {
  return bytes >= 1e8 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const SEE_REPORTS = 'The folder crash-reports of the data folder says more.';
const SHOWN = 20;
const DAY_MS = 86_400_000;
const BLOCKED_MS = 60_000;
