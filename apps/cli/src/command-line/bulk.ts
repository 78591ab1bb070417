import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { BulkFlags } from '../commands/bulk.ts';
import { notEmpty, oneOf, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addServerOption } from './server-option.ts';

/** `imagemill bulk` */
export function addBulk(program: Command, context: CommandContext, done: Done): void {
  addServerOption(program.command('bulk'))
    .description('draw the rows of a CSV, JSON Lines or Excel file with a server')
    .argument('<file>', 'file of rows')
    .option('--template <text>', 'prompt: {{column}} for a value, {one|other} for one of several words')
    .option('--dry-run', 'tell what it would cost and which rows are broken, and draw nothing', false)
    .option('--out <folder>', 'bring the pictures and manifest.csv there', notEmpty('--out', 'a folder'))
    .option('--resume <id>', 'go on with a bulk that was handed in before')
    .option('--unchanged-since <id>', 'draw only rows that an earlier bulk did not have')
    .option('--seed <n>', 'wildcards and seeds follow from it', wholeNumber('--seed', 0, 4_294_967_295))
    .option('--negative-prompt <text>', 'what to move away from')
    .option('--width <pixels>', 'of rows that do not say', wholeNumber('--width', 1, 16_384))
    .option('--height <pixels>', 'of rows that do not say', wholeNumber('--height', 1, 16_384))
    .option('--steps <n>', 'of rows that do not say', wholeNumber('--steps', 1, 100))
    .option('--count <n>', 'pictures of rows that do not say', wholeNumber('--count', 1, 100))
    .option('--model <name>', 'of rows that do not say')
    .option('--format <format>', 'png, jpeg or webp', oneOf('--format', ['png', 'jpeg', 'webp']))
    .option('--json', 'print one JSON line', false)
    .action((file: string, { verbose: _verbose, ...flags }: BulkFlags & { verbose?: boolean }) =>
      done(import('../commands/bulk.ts').then(({ drawBulk }) => drawBulk(file, flags, context))),
    );
}
