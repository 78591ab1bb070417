import { loadConfig, type SettingsInput, serve } from '@imagemill/server';
import { exitCodes } from '../cli-error.ts';
import { readEnvironment } from '../environment.ts';

/** Settings that the command line may give. */
export type ServeFlags = Pick<
  SettingsInput,
  'host' | 'port' | 'dataDir' | 'modelsDir' | 'model' | 'slots' | 'device' | 'weights' | 'threads'
> & { readonly verbose?: boolean };

/** Serves until Ctrl+C or SIGTERM, or until npm ends that has started it. An orderly stop is a success. */
export async function serveUntilStopped({ verbose: _verbose, ...settings }: ServeFlags): Promise<number> {
  await serve(loadConfig({ overrides: settings }), { withParent: readEnvironment().isRunByNpm });
  return exitCodes.ok;
}
