import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { cliErrorCodes, exitCodes } from './cli-error.ts';
import { readEnvironment } from './environment.ts';
import { allCommands, createProgram } from './program.ts';
import { createOutput } from './terminal/output.ts';

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
const context = { environment: readEnvironment(), output: createOutput(process.stdout, process.stderr) };
const program = createProgram('0.0.0', context, async () => undefined);

describe('docs/cli.md', () => {
  it('explains every command with each of its options and arguments', () => {
    for (const command of allCommands(program).filter(({ commands }) => commands.length === 0)) {
      const section = sectionOf(fullName(command));
      for (const { long } of command.options) {
        if (long !== '--verbose') expect(section, `${fullName(command)} ${long}`).toContain(`\`${long}`);
      }
      for (const argument of command.registeredArguments) expect(section).toContain(argument.name());
    }
  });

  it('names no option that there is not', () => {
    const known = new Set(allCommands(program).flatMap(({ options }) => options.map(({ long }) => long)));
    for (const [flag] of page.matchAll(/--[a-z][a-z0-9-]+/g))
      expect([...known, '--help', '--version', '--version']).toContain(flag);
  });

  it('lists every exit status and every code of the command line', () => {
    for (const status of Object.values(exitCodes)) expect(page).toContain(`| ${status} |`);
    for (const [code, meaning] of Object.entries(cliErrorCodes)) expect(page).toContain(`| \`${code}\` | ${meaning} |`);
  });
});

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** From the heading of a command to the next heading. */
function sectionOf(name: string): string {
  const [, section] = page.split(`## ${name}\n`);
  return (section ?? '').split('\n## ')[0] ?? '';
}
