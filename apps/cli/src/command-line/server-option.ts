import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { httpAddress } from '../option-values.ts';

export interface ServerFlags {
  readonly server?: string | undefined;
}

/** `--server`, of commands that work with a server. The key is only taken from the environment. */
export function addServerOption(command: Command): Command {
  return command.option(
    '--server <url>',
    'the server; IMAGEMILL_SERVER, its key IMAGEMILL_KEY (default: http://127.0.0.1:7860)',
    httpAddress('--server'),
  );
}

/** Address without a slash at the end. */
export function serverOf(server: string | undefined, environment: Pick<Environment, 'server'>): string {
  return (server ?? environment.server.url ?? 'http://127.0.0.1:7860').replace(/\/+$/, '');
}
