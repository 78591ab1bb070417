import { exitCodes } from './cli-error.ts';

/** The user or the system asked the command to stop. */
export class Interruption extends Error {
  override readonly name: string = 'Interruption';
  readonly code: string = 'interrupted';
  readonly exitCode: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(signal: NodeJS.Signals, message: string) {
    super(message);
    this.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    this.details = { signal };
  }
}

/**
 * Runs work that Ctrl+C and SIGTERM end in order: the first aborts the signal, and the work winds up; a second one
 * ends the process at once.
 *
 * @throws Interruption when the work ended, well or badly, after such a signal
 */
export async function interruptible<T>(farewell: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let received: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (received !== undefined) process.exit(signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated);
    received = signal;
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const result = await work(stop.signal);
    if (received !== undefined) throw new Interruption(received, farewell);
    return result;
  } catch (error) {
    if (received !== undefined && !(error instanceof Interruption)) throw new Interruption(received, farewell);
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
