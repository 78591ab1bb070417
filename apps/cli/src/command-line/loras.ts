import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { Done } from './done.ts';

/** `imagemill loras …` */
export function addLoras(program: Command, context: CommandContext, done: Done): void {
  const loras = program.command('loras').description('list LoRA adapters');
  loras
    .command('list')
    .description('list the LoRA adapters that a server with these settings offers')
    .option('--json', 'print one JSON line an adapter', false)
    .action((flags: { json: boolean }) =>
      done(import('../commands/loras.ts').then(({ listLoras }) => listLoras(flags, context))),
    );
}
