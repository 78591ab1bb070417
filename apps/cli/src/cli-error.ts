/**
 * What the command's exit status says:
 * 0 all done · 1 the work failed or found a fault · 2 the command line is wrong · 130 Ctrl+C · 143 SIGTERM.
 */
export const exitCodes = Object.freeze({ ok: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 });

/** Codes of the command line itself; the engine, the server and the model library add theirs (docs/errors.md). */
export const cliErrorCodes = {
  option_invalid: 'An option or the prompt has a wrong value, or two options contradict each other.',
  unknown_option: 'There is no such option.',
  unknown_command: 'There is no such command.',
  missing_argument: 'The command wants an argument that is not there.',
  option_missing_argument: 'The option wants a value that is not there.',
  excess_arguments: 'The command takes fewer arguments; a prompt of several words needs quotation marks.',
  trace_invalid: 'The trace of a simulation cannot be read, or one of its lines is wrong.',
  timings_invalid: 'The measured timings of a device cannot be read, or one of their fields is wrong.',
  output_unwritable: 'The folder or file for the results cannot be made or written.',
  disk_full: 'The disk is full, and the file was not saved.',
  interrupted: 'Ctrl+C or SIGTERM stopped the work.',
  internal_error: 'A fault of Imagemill itself.',
} as const satisfies Readonly<Record<string, string>>;

/** An error of the command line itself, in the words of its options. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly code: string;
  readonly exitCode: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { exitCode?: number; details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.details = options.details ?? {};
  }
}

/** The error for a refused value: names the option, what it got and what it expects. */
export function optionError(option: string, got: unknown, expected: string): CliError {
  const shown = typeof got === 'string' ? JSON.stringify(shorten(got)) : String(got);
  return new CliError('option_invalid', `${option}: got ${shown}, expected ${expected}.`, {
    exitCode: exitCodes.usage,
    details: { option, got, expected },
  });
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
