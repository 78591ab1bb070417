import { loadConfig, migrateDatabase, type Role, type SettingsInput, serve } from '@imagemill/server';
import { exitCodes } from '../cli-error.ts';
import { readEnvironment } from '../environment.ts';

/** Settings that the command line may give. */
export type ServeFlags = Pick<
  SettingsInput,
  'host' | 'port' | 'workerPort' | 'dataDir' | 'modelsDir' | 'model' | 'slots' | 'device' | 'weights' | 'threads'
> & { readonly verbose?: boolean };

/** Serves until Ctrl+C or SIGTERM, or until npm ends that has started it. An orderly stop is a success. */
export async function serveUntilStopped({ verbose: _verbose, ...settings }: ServeFlags): Promise<number> {
  await serve(loadConfig({ overrides: settings }), { withParent: readEnvironment().isRunByNpm });
  return exitCodes.ok;
}

/** Runs one process of a cluster, as long as `serveUntilStopped` does. */
export async function runRole(role: Role, { verbose: _verbose, ...settings }: ServeFlags): Promise<number> {
  await serve(loadConfig({ overrides: settings }), { withParent: readEnvironment().isRunByNpm, role });
  return exitCodes.ok;
}

/** Brings the tables of the database up to date. */
export async function migrate(): Promise<number> {
  await migrateDatabase(loadConfig());
  process.stdout.write('The tables of the database are up to date.\n');
  return exitCodes.ok;
}
