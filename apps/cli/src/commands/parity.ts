import { dirname, resolve } from 'node:path';
import { makeFolder, type ParityReport, type ParityRow, runParity, writeSafetensors } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { loadConfig } from '@imagemill/server/engine';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { toOutputError } from '../picture-file.ts';
import { formatTable } from '../terminal/format.ts';

export interface ParityFlags {
  readonly out?: string;
  readonly tokenizer?: string;
  readonly device?: string;
  readonly threads?: number;
  readonly json: boolean;
}

/** Runs a fixture's cases in this process and prints how far each is from the reference. Fails when one is too far. */
export async function parity(fixture: string, flags: ParityFlags, { output }: CommandContext): Promise<number> {
  const { device, threads } = loadConfig({ overrides: { device: flags.device, threads: flags.threads } });
  const { runtime, notes } = await openDevice({ device, threads, weights: 'packed' });
  for (const { message } of notes) output.note(`note: ${message}`);
  const showCase = (name: string): void => {
    if (output.isInteractive) output.stderr.write(`\r\u001b[K${name}`);
  };
  const report = await runParity(resolve(fixture), {
    runtime,
    tokenizerFolder: flags.tokenizer,
    onProgress: showCase,
  });
  showCase('');
  if (flags.out !== undefined) await writeTensors(flags.out, report);
  for (const note of report.notes) output.note(`note: ${note}`);
  print(report.rows, flags.json, output.result);
  const failed = report.rows.filter(({ ok }) => !ok).length;
  output.note(
    failed === 0
      ? `${report.rows.length} comparisons on ${runtime.executionProvider}, all within tolerance.`
      : `${failed} of ${report.rows.length} comparisons on ${runtime.executionProvider} are over their tolerance.`,
  );
  return failed === 0 && report.rows.length > 0 ? exitCodes.ok : exitCodes.failed;
}

async function writeTensors(out: string, report: ParityReport): Promise<void> {
  const path = resolve(out);
  try {
    await makeFolder(dirname(path));
    await writeSafetensors(path, report.tensors);
  } catch (error) {
    throw toOutputError(error, path);
  }
}

function print(rows: readonly ParityRow[], json: boolean, write: (line: string) => void): void {
  if (json) {
    for (const row of rows) write(JSON.stringify(row));
    return;
  }
  const cells = rows.map(({ name, measure, error, tolerance, ok }) => [
    name,
    measure,
    number(error),
    number(tolerance),
    ok ? 'ok' : 'FAIL',
  ]);
  write(formatTable(['CASE', 'MEASURE', 'ERROR', 'TOLERANCE', 'OK'], cells, ['ERROR', 'TOLERANCE']));
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toExponential(2);
}
