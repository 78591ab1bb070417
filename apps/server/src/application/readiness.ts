import { AppError, type AppErrorCode } from '../domain/errors.ts';
import { type SiteRecord, whyFenced } from '../domain/site.ts';
import type { EngineStatus } from './engine-port.ts';
import type { Store } from './ports.ts';

export interface NotReady {
  readonly code: AppErrorCode;
  readonly detail: string;
}

/** A process with an engine is ready when that draws. */
export function whyEnginesAreNotReady(engines: readonly EngineStatus[]): NotReady | undefined {
  if (engines.some((engine) => engine.state === 'ready')) return undefined;
  const reasons = engines.map(({ device, state, problem }) => {
    const words = { starting: 'is starting', restarting: 'is being restarted', broken: 'cannot be started' };
    const what = state in words ? words[state as keyof typeof words] : `is ${state}`;
    return `The engine on ${device} ${what}${problem === undefined ? '.' : `: ${problem.message}`}`;
  });
  return { code: 'engine_unavailable', detail: reasons.join(' ') };
}

/** A process without one is ready when it can write down what it accepts; workers may come later. */
export async function whyStoreIsNotReady(store: Pick<Store, 'access'>): Promise<NotReady | undefined> {
  try {
    await store.access.accessVersion();
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, detail: error.message };
  }
}

/** What a process says that draws or accepts for a site which may not write. */
export async function whySiteIsNotReady(
  read: () => Promise<{ readonly site: SiteRecord; readonly now: number }>,
  own: string | undefined,
): Promise<NotReady | undefined> {
  try {
    const { site, now } = await read();
    const detail = whyFenced(site, own, now);
    return detail === undefined ? undefined : { code: 'site_fenced', detail };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, detail: error.message };
  }
}
