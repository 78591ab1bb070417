import { loadConfig, migrateDatabase, moveToCluster, type Role, type SettingsInput, serve } from '@imagemill/server';
import { exitCodes } from '../cli-error.ts';
import { readEnvironment } from '../environment.ts';

/** Settings that the command line may give. */
export type ServeFlags = Pick<
  SettingsInput,
  | 'host'
  | 'port'
  | 'workerPort'
  | 'dataDir'
  | 'modelsDir'
  | 'model'
  | 'slots'
  | 'device'
  | 'weights'
  | 'threads'
  | 'scaleMinWorkers'
  | 'scaleMaxWorkers'
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

/** Moves a data folder into the cluster that the settings name. */
export async function move({ dataDir }: Pick<ServeFlags, 'dataDir'>): Promise<number> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  const { tables, pictures, cleanedTexts } = await moveToCluster(loadConfig({ overrides: { dataDir } }), tell);
  if (cleanedTexts > 0) tell(`${cleanedTexts} texts lost a character that PostgreSQL cannot hold (U+0000)`);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  tell(`Moved ${rows} rows and ${pictures} pictures. Start the processes of the cluster now.`);
  return exitCodes.ok;
}
