import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { Done } from './done.ts';

/** `imagemill inspect` */
export function addInspect(program: Command, context: CommandContext, done: Done): void {
  program
    .command('inspect')
    .description('read back how a picture was made, from its file')
    .argument('<file>', 'PNG, JPEG or WebP of Imagemill, AUTOMATIC1111, ComfyUI, InvokeAI or SwarmUI')
    .option('--json', 'print one JSON line', false)
    .action((file: string, flags: { json: boolean }) =>
      done(import('../commands/inspect.ts').then(({ inspect }) => inspect(file, flags, context))),
    );
}
