import { type Logger as PinoLogger, pino } from 'pino';
import type { Logger } from '../../application/ports.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly stream: { write(line: string): unknown };
  /** Sentences for people instead of JSON lines. */
  readonly isForPeople: boolean;
}

/** Structured logs: one JSON object a line, or one sentence a line on a terminal. */
export function createLogger({ level, stream, isForPeople }: LoggerOptions): Logger {
  const destination = isForPeople ? { write: (line: string) => stream.write(sentence(line)) } : stream;
  const logger: PinoLogger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void destination.write(line) },
  );
  return logger;
}

function sentence(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const reason = typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : '';
  const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
  return `${String(time).slice(11, 19)} ${String(level)}: ${String(msg)}${reason}${rest}\n`;
}
