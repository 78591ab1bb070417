import type { Clock, Logger } from './ports.ts';

/** What a switch does, in this order. A step that throws ends it there. */
export interface SwitchSteps {
  /** Makes sure that the old site does not go on. */
  fence(): Promise<void>;
  /** Makes the records of the standby site writable. */
  promote(): Promise<void>;
  /** Starts the processes of the standby site, where they do not wait already. */
  start(): Promise<void>;
  /** Resolves when the standby site takes requests. */
  ready(): Promise<void>;
  /** Leads clients there. */
  lead(): Promise<void>;
}

export type SwitchPhase = keyof SwitchSteps;

export interface SwitchReport {
  readonly startedAt: number;
  /** Duration of each phase that was begun, in seconds. */
  readonly seconds: Readonly<Partial<Record<SwitchPhase, number>>>;
  readonly totalSeconds: number;
  /** Where and why it did not go on; undefined when the standby site is active. */
  readonly failed: { readonly phase: SwitchPhase; readonly reason: string } | undefined;
}

/** Makes the standby site the active one. Never throws: the report says how far it came. */
export async function switchSite(
  steps: SwitchSteps,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<SwitchReport> {
  const startedAt = clock.now();
  const seconds: Partial<Record<SwitchPhase, number>> = {};
  let failed: SwitchReport['failed'];
  for (const phase of ['fence', 'promote', 'start', 'ready', 'lead'] as const) {
    const at = clock.now();
    try {
      await steps[phase]();
    } catch (error) {
      failed = { phase, reason: error instanceof Error ? error.message : String(error) };
    }
    seconds[phase] = (clock.now() - at) / 1_000;
    log.info({ phase, seconds: seconds[phase], ...failed }, 'a phase of the switch has ended');
    if (failed !== undefined) break;
  }
  return { startedAt, seconds, totalSeconds: (clock.now() - startedAt) / 1_000, failed };
}

/** Resolves when so many looks failed in a row; false when it was told to stop before. */
export async function untilGone(
  look: () => Promise<boolean>,
  { failures, intervalMs, clock, log, signal }: WatchOptions,
): Promise<boolean> {
  for (let failed = 0; !signal.aborted; ) {
    const isWell = await look();
    if (signal.aborted) break;
    failed = isWell ? 0 : failed + 1;
    if (failed > 0) log.warn({ failed, of: failures }, 'the active site does not answer as it should');
    if (failed >= failures) return true;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        callOff();
        signal.removeEventListener('abort', go);
        resolve();
      };
      const callOff = clock.after(intervalMs, go);
      signal.addEventListener('abort', go);
    });
  }
  return false;
}

export interface WatchOptions {
  readonly failures: number;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}
