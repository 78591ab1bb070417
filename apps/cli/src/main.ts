import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { exitCodes } from './cli-error.ts';
import { readEnvironment } from './environment.ts';
import { createRunCommand } from './program.ts';
import { reportError } from './report-error.ts';
import { createOutput } from './terminal/output.ts';

const args = process.argv.slice(2);
process.exitCode = await run();

async function run(): Promise<number> {
  const environment = readEnvironment();
  const output = createOutput(process.stdout, process.stderr);
  try {
    return await createRunCommand(readVersion(), { environment, output })(args);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // No command: commander has printed the help on stderr.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    // Known even when the command line could not be parsed.
    return reportError(error, {
      json: args.includes('--json'),
      verbose: environment.isDebug || args.includes('--verbose'),
      stderr: process.stderr,
    });
  }
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
