import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addAlerts } from './command-line/alerts.ts';
import { addBackup } from './command-line/backup.ts';
import { addBulk } from './command-line/bulk.ts';
import { addCalibrate } from './command-line/calibrate.ts';
import { addCost } from './command-line/cost.ts';
import { addDoctor } from './command-line/doctor.ts';
import type { Done } from './command-line/done.ts';
import { addGenerate } from './command-line/generate.ts';
import { addInspect } from './command-line/inspect.ts';
import { addKeys } from './command-line/keys.ts';
import { addLoras } from './command-line/loras.ts';
import { addMcp } from './command-line/mcp.ts';
import { addMembers } from './command-line/members.ts';
import { addModels } from './command-line/models.ts';
import { addParity } from './command-line/parity.ts';
import { addReports } from './command-line/reports.ts';
import { addRetention } from './command-line/retention.ts';
import { addCluster, addServe } from './command-line/serve.ts';
import { addSimulate } from './command-line/simulate.ts';
import { addStandby } from './command-line/standby.ts';
import { addTenants } from './command-line/tenants.ts';
import { addWebhooks } from './command-line/webhooks.ts';

/** Runs the command that the arguments name and resolves to its exit status. */
export type RunCommand = (args: readonly string[]) => Promise<number>;

/** @throws CommanderError, CliError, and what the command throws */
export function createRunCommand(version: string, context: CommandContext): RunCommand {
  return async (args) => {
    let status = 0;
    const program = createProgram(version, context, async (work) => {
      status = await work;
    });
    await program.parseAsync([...args], { from: 'user' });
    return status;
  };
}

/**
 * The command line. Commands load their own modules when they run, so that `--help` and wrong options answer at once.
 */
export function createProgram(version: string, context: CommandContext, done: Done): Command {
  const program = new Command('imagemill')
    .description('Draws pictures from text with Z-Image-Turbo, on this machine.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    // Errors are written in one place, with their code; help goes where commander sends it.
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError();
  addGenerate(program, context, done);
  addServe(program, done);
  addCluster(program, done);
  addStandby(program, context, done);
  addModels(program, context, done);
  addLoras(program, context, done);
  addInspect(program, context, done);
  addKeys(program, context, done);
  addTenants(program, context, done);
  addMembers(program, context, done);
  addWebhooks(program, context, done);
  addReports(program, context, done);
  addCost(program, context, done);
  addRetention(program, context, done);
  addBackup(program, context, done, version);
  addCalibrate(program, context, done);
  addAlerts(program, context, done);
  addDoctor(program, context, done);
  addBulk(program, context, done);
  addMcp(program, context, done);
  addParity(program, context, done);
  addSimulate(program, context, done);
  program
    .command('version')
    .description('print the versions of Imagemill, Node and ONNX Runtime')
    .option('--json', 'print one JSON line', false)
    .action((options: { json: boolean }) =>
      done(import('./commands/version.ts').then(({ printVersion }) => printVersion(version, options, context))),
    );
  for (const command of allCommands(program)) command.option('--verbose', 'print the stack with an error', false);
  return program;
}

export function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
