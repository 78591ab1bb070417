import type { Command } from 'commander';
import { httpAddress, notEmpty } from '../option-values.ts';

/** What is administered: a data folder on this machine, or a server. */
export interface AdministrationFlags {
  readonly dataDir?: string;
  readonly server?: string;
  readonly key?: string;
  readonly json: boolean;
}

export function addAdministrationOptions(command: Command, jsonMeaning: string): Command {
  return command
    .option(
      '--data-dir <folder>',
      'data folder of a server on this machine, running or not; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .option('--server <url>', 'a server to ask instead; IMAGEMILL_SERVER', httpAddress('--server'))
    .option('--key <key>', 'API key for --server; IMAGEMILL_KEY', notEmpty('--key', 'an API key'))
    .option('--json', jsonMeaning, false);
}
