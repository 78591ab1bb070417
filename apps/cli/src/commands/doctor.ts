import type { DoctorCheck } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import { examineMachine, loadConfig, type SettingsInput } from '@imagemill/server/administration';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { interruptible } from '../interruption.ts';

export interface DoctorFlags
  extends Pick<SettingsInput, 'dataDir' | 'modelsDir' | 'model' | 'device' | 'host' | 'port'> {
  readonly server?: string;
  readonly verify: boolean;
  readonly json: boolean;
}

/** Prints one check a line; exit code 1 when one of them failed. Warnings alone are a success. */
export async function examine(flags: DoctorFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const counts = { ok: 0, warn: 0, fail: 0 };
  const print = (check: DoctorCheck): void => {
    counts[check.state] += 1;
    if (flags.json) output.result(JSON.stringify(check));
    else {
      output.result(`${words[check.state]}  ${check.id.padEnd(12)} ${check.message}`);
      if (check.advice !== undefined) output.result(`${' '.repeat(20)} → ${check.advice}`);
    }
  };
  if (flags.server !== undefined) await examineServer(flags.server, context, print);
  else await examineHere(flags, print);
  if (!flags.json) {
    output.result(`${counts.fail} faults, ${counts.warn} warnings, ${counts.ok} in order.`);
  }
  return counts.fail > 0 ? exitCodes.failed : exitCodes.ok;
}

async function examineHere(flags: DoctorFlags, print: (check: DoctorCheck) => void): Promise<void> {
  const { server: _server, verify, json: _json, ...settings } = flags;
  const { dataDir, modelsDir, model, device, host, port } = settings;
  const config = loadConfig({ overrides: { dataDir, modelsDir, model, device, host, port } });
  await interruptible('Stopped.', async (signal) => {
    for await (const check of examineMachine(config, { verify, signal })) print(check);
  });
}

async function examineServer(
  server: string,
  { environment }: CommandContext,
  print: (check: DoctorCheck) => void,
): Promise<void> {
  const { key } = environment.server;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const askedAt = Date.now();
  const { checks, at, version } = await createClient({ baseUrl: server.replace(/\/+$/, ''), headers }).getDiagnosis();
  const skewMs = Date.parse(at) - (askedAt + Date.now()) / 2;
  print({ id: 'server', state: 'ok', message: `Imagemill ${version} answers at ${server}.` });
  for (const check of checks) print(check);
  const isSkewed = Math.abs(skewMs) > SKEW_MS;
  const message = `The clocks of the server and of this machine differ by ${(Math.abs(skewMs) / 1_000).toFixed(1)} s.`;
  const advice = 'Set the clocks, e.g. with NTP: signatures and leases compare times.';
  print({ id: 'clock', state: isSkewed ? 'warn' : 'ok', message, ...(isSkewed && { advice }) });
}

const words = { ok: 'ok   ', warn: 'warn ', fail: 'FAULT' } as const;
const SKEW_MS = 5_000;
