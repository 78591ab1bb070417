import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { CliError, optionError } from './cli-error.ts';
import { Interruption } from './interruption.ts';
import { reportError } from './report-error.ts';

function report(error: unknown, options: { json?: boolean; verbose?: boolean } = {}): { status: number; text: string } {
  let text = '';
  const stderr = { write: (part: string) => (text += part) };
  const status = reportError(error, { json: options.json ?? false, verbose: options.verbose ?? false, stderr });
  return { status, text };
}

describe('errors of the command', () => {
  it('are one sentence with the code', () => {
    expect(report(optionError('--steps', 'x', 'a number'))).toEqual({
      status: 2,
      text: 'error: --steps: got "x", expected a number. [option_invalid]\n',
    });
    expect(report(new CliError('disk_full', 'The disk is full.'))).toEqual({
      status: 1,
      text: 'error: The disk is full. [disk_full]\n',
    });
  });

  it('keep the code of those that the engine and the library throw', () => {
    const error = Object.assign(new Error('There is\nno such model.'), {
      code: 'model_unknown',
      details: { name: 'x' },
    });
    expect(report(error)).toEqual({ status: 1, text: 'error: There is no such model. [model_unknown]\n' });
    expect(JSON.parse(report(error, { json: true }).text)).toEqual({
      error: { code: 'model_unknown', message: 'There is no such model.', details: { name: 'x' } },
    });
  });

  it('of the command line have the status 2', () => {
    const error = new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'\n(Did you mean --y?)");
    expect(report(error)).toEqual({
      status: 2,
      text: "error: unknown option '--x' (Did you mean --y?) [unknown_option]\n",
    });
  });

  it('that nobody foresaw are owned up to, with the stack only on request', () => {
    const error = new TypeError('x is undefined', { cause: new Error('deeper') });
    expect(report(error)).toMatchObject({
      status: 1,
      text: expect.stringMatching(/^error: x is undefined .*\[internal_error\]\n$/),
    });
    expect(report(error, { verbose: true }).text).toMatch(
      /TypeError: x is undefined\n\s+at .*caused by Error: deeper/s,
    );
    expect(report('thrown text').text).toContain('thrown text');
  });

  it('are none when the user stopped the work', () => {
    expect(report(new Interruption('SIGINT', 'Stopped.'))).toEqual({ status: 130, text: 'Stopped.\n' });
    expect(report(new Interruption('SIGTERM', 'Stopped.')).status).toBe(143);
  });
});
