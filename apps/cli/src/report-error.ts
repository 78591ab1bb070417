import { CommanderError } from 'commander';
import { CliError, exitCodes } from './cli-error.ts';
import { Interruption } from './interruption.ts';

export interface ReportOptions {
  /** One JSON line instead of the sentence. */
  readonly json: boolean;
  /** The stack and the causes after it. */
  readonly verbose: boolean;
  readonly stderr: { write(text: string): unknown };
}

/** Writes an error as one sentence with its code, and returns the exit status that goes with it. */
export function reportError(error: unknown, options: ReportOptions): number {
  const interruption = error instanceof Interruption ? error : undefined;
  const { code, message, details } = describeError(error);
  if (options.json) options.stderr.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  else if (interruption === undefined) options.stderr.write(`error: ${message} [${code}]\n`);
  else options.stderr.write(`${message}\n`);
  if (options.verbose && interruption === undefined) options.stderr.write(`${trace(error)}\n`);
  return exitCodeOf(error);
}

interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function describeError(error: unknown): ErrorFacts {
  if (error instanceof CommanderError) {
    return {
      code: usageCode(error.code),
      message: error.message.replace(/^error: /, '').replaceAll('\n', ' '),
      details: {},
    };
  }
  if (!(error instanceof Error)) return { code: 'internal_error', message: String(error), details: {} };
  const message = error.message.replaceAll('\n', ' ');
  // The engine, the server and the model library throw errors with a code of their own; so do system calls.
  if ('code' in error && typeof error.code === 'string') {
    return { code: error.code, message, details: 'details' in error && isRecord(error.details) ? error.details : {} };
  }
  return {
    code: 'internal_error',
    message: `${message} (a fault of Imagemill itself; --verbose shows where)`,
    details: {},
  };
}

/** `commander.unknownOption` → `unknown_option` */
function usageCode(code: string): string {
  return code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption || error instanceof CliError) return error.exitCode;
  return error instanceof CommanderError ? exitCodes.usage : exitCodes.failed;
}

function trace(error: unknown): string {
  const lines: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    lines.push(`${lines.length === 0 ? '' : 'caused by '}${at.stack ?? at.message}`);
  return lines.join('\n');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
