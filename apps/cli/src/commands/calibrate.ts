import { join } from 'node:path';
import { type BatchLimit, loadConfig, type SettingsInput } from '@imagemill/server/engine';
import { CliError, exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { interruptible } from '../interruption.ts';
import { formatTable } from '../terminal/format.ts';
import { startEngine } from './engine.ts';
import { findModelFacts } from './model-facts.ts';

export interface CalibrateFlags extends Pick<SettingsInput, 'dataDir' | 'device' | 'model' | 'slots' | 'threads'> {
  readonly precision?: 'mapped' | 'packed' | 'fp16' | 'w8a8';
  readonly json: boolean;
}

/** Measures how many pictures the device moves at once with profit, and keeps it where a server of this folder looks. */
export async function calibrate(flags: CalibrateFlags, context: CommandContext): Promise<number> {
  const { json, model, dataDir, device, slots, threads, precision: weights } = flags;
  const config = loadConfig({ overrides: { model, dataDir, device, slots, threads, weights } });
  const facts = await findModelFacts(config);
  const cacheFolder = join(config.dataDir, 'cache');
  const environment = { ...context.environment, cacheFolder };
  await interruptible('Stopped. Nothing was kept.', async (signal) => {
    const engine = await startEngine(config, config.slots, { ...context, environment }, signal);
    try {
      context.output.note(`Measuring ${facts.name} on ${config.device}; a large model takes minutes.`);
      const stopped = new Promise<never>((_, reject) => {
        const stop = (): void => reject(new CliError('cancelled', 'The measurement was stopped.'));
        signal.addEventListener('abort', stop, { once: true });
      });
      const precision = facts.precisions[0]?.precision;
      const choice = { modelPath: facts.path, precision };
      const { fault, limits = [] } = await Promise.race([engine.calibrate(choice), stopped]);
      if (fault !== undefined) throw new CliError(fault.code, fault.message, { details: fault.details });
      print({ limits, model: facts.name, precision: precision ?? null, json }, context);
    } finally {
      await engine.close();
    }
  });
  return exitCodes.ok;
}

interface Measured {
  readonly limits: readonly BatchLimit[];
  readonly model: string;
  readonly precision: string | null;
  readonly json: boolean;
}

function print({ limits, model, precision, json }: Measured, { output }: CommandContext): void {
  if (json) {
    const sizes = limits.map(({ width, height, maxRows, timings }) => ({ width, height, maxRows, timings }));
    output.result(JSON.stringify({ model, precision, sizes }));
    return;
  }
  if (limits.length === 0) {
    output.result('Nothing was measured: this device draws one picture at a time, or a step takes over a minute.');
    return;
  }
  const rows = limits.map(({ width, height, maxRows, timings }) => [
    `${width} × ${height}`,
    String(maxRows),
    timings.map(({ rows: batch, msPerStep }) => `${batch}: ${(msPerStep / batch).toFixed(1)}`).join('  '),
  ]);
  output.result(formatTable(['SIZE', 'AT ONCE', 'MS PER PICTURE AND STEP, BY BATCH'], rows, ['AT ONCE']));
}
