import type { Command } from 'commander';
import type { ServeFlags } from '../commands/serve.ts';
import { notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addEngineOptions } from './engine-options.ts';

/** `imagemill serve` */
export function addServe(program: Command, done: Done): void {
  const command = program
    .command('serve')
    .description('serve the API and the page; docs/settings.md lists every setting')
    .option(
      '--host <address>',
      'address to listen on; IMAGEMILL_HOST (default: 127.0.0.1)',
      notEmpty('--host', 'an address'),
    )
    .option(
      '--port <n>',
      'port to listen on, 0 picks one; IMAGEMILL_PORT (default: 7860)',
      wholeNumber('--port', 0, 65_535),
    )
    .option(
      '--data-dir <folder>',
      'records and pictures; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .option('--models-dir <folder>', 'installed models; IMAGEMILL_MODELS_DIR', notEmpty('--models-dir', 'a folder'))
    .option(
      '--model <name|folder>',
      'default model; MODEL_PATH (default: the first installed)',
      notEmpty('--model', 'a name or folder'),
    )
    .option('--slots <n>', 'pictures under way at once; IMAGEMILL_SLOTS (default: 4)', wholeNumber('--slots', 1, 64));
  addEngineOptions(command);
  command.action((flags: ServeFlags) =>
    done(import('../commands/serve.ts').then(({ serveUntilStopped }) => serveUntilStopped(flags))),
  );
}
