import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ParityFlags } from '../commands/parity.ts';
import { deviceName, notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill parity` */
export function addParity(program: Command, context: CommandContext, done: Done): void {
  program
    .command('parity')
    .description('compare the engine with what the reference implementation computed')
    .argument('<fixture>', 'folder with cases.json, checkpoint/ and expected.safetensors')
    .option('--out <file>', 'write what was computed to this safetensors file', notEmpty('--out', 'a file name'))
    .option('--tokenizer <folder>', 'folder with tokenizer.json, for a fixture that has none')
    .option('--device <device>', 'cpu, webgpu or cuda:0; IMAGEMILL_DEVICE (default: cpu)', deviceName('--device'))
    .option('--threads <n>', 'of the CPU; IMAGEMILL_THREADS (default: 0)', wholeNumber('--threads', 0, 1024))
    .option('--json', 'print one JSON line a case', false)
    .action((fixture: string, flags: ParityFlags) =>
      done(import('../commands/parity.ts').then(({ parity }) => parity(fixture, flags, context))),
    );
}
