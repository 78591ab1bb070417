import type { JobFault } from '../../domain/job.ts';

/** Why a remote engine did not draw. */
export class RemoteFault extends Error {
  override readonly name: string = 'RemoteFault';
  readonly fault: JobFault;
  /** `down`: it cannot be reached · `busy`: it has too much to do · `item`: it is about this picture. */
  readonly about: 'down' | 'busy' | 'item';
  /** How long a busy engine asked to be left alone. */
  readonly pauseMs: number | undefined;

  constructor(
    fault: JobFault,
    about: RemoteFault['about'],
    options: { pauseMs?: number | undefined; cause?: unknown },
  ) {
    super(fault.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fault = fault;
    this.about = about;
    this.pauseMs = options.pauseMs;
  }
}

type FaultCode =
  | 'engine_refused'
  | 'engine_fault'
  | 'engine_answer_invalid'
  | 'engine_unsupported'
  | 'engine_crashed'
  | 'engine_stuck';

/** @param options.retryable @default false */
export function fault(
  code: FaultCode,
  message: string,
  options: { readonly retryable?: boolean; readonly details?: JobFault['details']; readonly cause?: unknown } = {},
): RemoteFault {
  const { retryable = false, details = {}, cause } = options;
  return new RemoteFault({ code, message, details, retryable }, 'item', { cause });
}

export function busy(message: string, pauseMs: number | undefined): RemoteFault {
  return new RemoteFault({ code: 'engine_overloaded', message, details: {}, retryable: true }, 'busy', { pauseMs });
}

export function unreachable(baseUrl: string, cause: Error): RemoteFault {
  const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
  const message = `The engine at ${baseUrl} cannot be reached (${reason}).`;
  const details = { engine: baseUrl, reason };
  return new RemoteFault({ code: 'engine_unreachable', message, details, retryable: true }, 'down', { cause });
}
