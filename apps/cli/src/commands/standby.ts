import { writeFile } from 'node:fs/promises';
import { loadConfig, type StandbyReport, standBy } from '@imagemill/server';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';

export interface StandbyFlags {
  readonly report?: string;
}

/** Ends when the site was switched, or when it is told to stop. */
export async function watchSite(flags: StandbyFlags, context: CommandContext): Promise<number> {
  const report = await standBy(loadConfig(), { isDrill: false });
  return report === undefined ? exitCodes.ok : tell(report, flags, context);
}

/** Switches at once. */
export async function drill(flags: StandbyFlags, context: CommandContext): Promise<number> {
  const report = await standBy(loadConfig(), { isDrill: true });
  return report === undefined ? exitCodes.ok : tell(report, flags, context);
}

async function tell(
  report: StandbyReport,
  { report: file }: StandbyFlags,
  { output }: CommandContext,
): Promise<number> {
  if (file !== undefined) await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
  const { seconds, totalSeconds, detectSeconds, failed, pictures } = report;
  for (const [phase, took] of Object.entries({ detect: detectSeconds, ...seconds }))
    output.result(`${phase.padEnd(8)} ${took.toFixed(2)} s`);
  output.result(`${'lost'.padEnd(8)} ${(detectSeconds + totalSeconds).toFixed(2)} s`);
  const { seconds: behind, bytes, lostBytes } = report.replication;
  if (behind !== undefined || bytes !== undefined)
    output.result(`behind   ${behind?.toFixed(2) ?? '?'} s, ${bytes ?? '?'} bytes, before the switch`);
  if (lostBytes !== undefined) output.result(`missing  ${lostBytes} bytes of the old site's records`);
  if (pictures !== undefined && pictures.missing.length > 0)
    output.result(`pictures missing here: ${pictures.missing.join(', ')} (of the latest ${pictures.checked})`);
  if (failed !== undefined) output.result(`failed in phase ${failed.phase}: ${failed.reason}`);
  return failed === undefined ? exitCodes.ok : exitCodes.failed;
}
