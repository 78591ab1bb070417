import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { Done } from './done.ts';
import { addServerOption, type ServerFlags } from './server-option.ts';

/** `imagemill mcp` */
export function addMcp(program: Command, context: CommandContext, done: Done): void {
  addServerOption(program.command('mcp'))
    .description('tools for agents over stdio (Model Context Protocol), with a server behind them')
    .action((flags: ServerFlags) =>
      done(import('../commands/mcp.ts').then(({ carryMcp }) => carryMcp(flags, context))),
    );
}
