import {
  type Config,
  EngineProcess,
  type EngineStatus,
  engineOptions,
  type Logger,
  systemClock,
} from '@imagemill/server/engine';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';

/**
 * Starts an engine process and waits until it can draw. What it noticed at the start, such as a fall-back to another
 * device, goes to stderr.
 *
 * @throws CliError with the engine's code when it cannot start
 */
export async function startEngine(
  config: Config,
  slots: number,
  { environment, output }: CommandContext,
  signal: AbortSignal,
): Promise<EngineProcess> {
  const engine = new EngineProcess({
    engine: engineOptions({ ...config, calibrate: false }, { slots, cacheDir: environment.cacheFolder }),
    environment: config.engineEnvironment,
    stuckAfterMs: config.engineStuckAfterMs,
    clock: systemClock,
    log: environment.isDebug ? debugLog(output.note) : silentLog,
  });
  try {
    const { notes } = await settled(engine, signal);
    for (const { message } of notes) output.note(`note: ${message}`);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function settled(engine: EngineProcess, signal: AbortSignal): Promise<EngineStatus> {
  return new Promise((resolve, reject) => {
    const look = (status: EngineStatus): void => {
      if (status.state === 'ready') end(() => resolve(status));
      else if (status.state === 'broken') end(() => reject(startFault(status)));
    };
    const stop = engine.onChange(look);
    const onAbort = (): void =>
      end(() => reject(new CliError('cancelled', 'The engine was stopped while it started.')));
    const end = (settle: () => void): void => {
      stop();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else look(engine.status);
  });
}

function startFault({ problem }: EngineStatus): CliError {
  return new CliError(problem?.code ?? 'engine_unavailable', problem?.message ?? 'The engine could not be started.', {
    details: problem?.details ?? {},
  });
}

/** Every outcome reaches the command as a result or an error; the log is for those who look for a fault. */
const silentLog: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

function debugLog(write: (line: string) => void): Logger {
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      write(`${level}: ${message} ${JSON.stringify(fields)}`);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
