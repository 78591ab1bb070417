import { alertChannelKinds, alertLanguages } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ChannelFlags, RuleFlags, SilenceFlags } from '../commands/alerts.ts';
import { decimalNumber, notEmpty, oneOf } from '../option-values.ts';
import type { Done } from './done.ts';
import { addServerOption, type ServerFlags } from './server-option.ts';

type Flags = ServerFlags & { readonly json: boolean };

/** `imagemill alerts …` */
export function addAlerts(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/alerts.ts');
  const alerts = program.command('alerts').description('what fires on a server, the rules, and where it is sent');
  const add = (text: string, description: string): Command =>
    addServerOption(alerts.command(text).description(description)).option('--json', 'print one JSON line each', false);

  add('list', 'print alerts, newest first').action((flags: Flags) =>
    done(load().then((commands) => commands.listAlerts(flags, context))),
  );
  add('acknowledge <id>', 'say that somebody is at an alert')
    .option('--comment <text>', 'for others to read', '')
    .action((id: string, flags: Flags & { readonly comment: string }) =>
      done(load().then((commands) => commands.acknowledge(id, flags, context))),
    );
  add('rules', 'print the rules and where each stands').action((flags: Flags) =>
    done(load().then((commands) => commands.listRules(flags, context))),
  );
  add('set <rule>', 'change a rule')
    .option('--threshold <n>', 'the bound', decimalNumber('--threshold', LEAST, MOST))
    .option(
      '--clear-threshold <n>',
      'how far back the signal must come',
      decimalNumber('--clear-threshold', LEAST, MOST),
    )
    .option('--for <seconds>', 'how long the bound must be broken', decimalNumber('--for', 0, 604_800))
    .option('--clear-for <seconds>', 'how long the signal must be back', decimalNumber('--clear-for', 0, 604_800))
    .option('--on', 'switch it on')
    .option('--off', 'switch it off')
    .action((rule: string, flags: Flags & RuleFlags) =>
      done(load().then((commands) => commands.setRule(rule, flags, context))),
    );
  add('reset <rule>', 'delete a rule; a default is as it was again').action((rule: string, flags: Flags) =>
    done(load().then((commands) => commands.resetRule(rule, flags, context))),
  );
  addChannels(add, load, { context, done });
  add('silence', 'keep alerts from being sent for a while')
    .option('--rule <id>', 'only those of this rule', notEmpty('--rule', 'the id of a rule'))
    .requiredOption('--minutes <n>', 'for how long', decimalNumber('--minutes', 1, 43_200))
    .option('--comment <text>', 'why', '')
    .action((flags: Flags & SilenceFlags) => done(load().then((commands) => commands.silence(flags, context))));
  add('silences', 'print what is kept back now').action((flags: Flags) =>
    done(load().then((commands) => commands.listSilences(flags, context))),
  );
  add('unsilence <id>', 'end a silence').action((id: string, flags: Flags) =>
    done(load().then((commands) => commands.unsilence(id, flags, context))),
  );
}

function addChannels(
  add: (text: string, description: string) => Command,
  load: () => Promise<typeof import('../commands/alerts.ts')>,
  { context, done }: { readonly context: CommandContext; readonly done: Done },
): void {
  add('channels', 'print where alerts are sent').action((flags: Flags) =>
    done(load().then((commands) => commands.listChannels(flags, context))),
  );
  add('add-channel <name>', 'have alerts sent somewhere')
    .requiredOption('--kind <kind>', alertChannelKinds.join(', '), oneOf('--kind', alertChannelKinds))
    .option('--url <url>', 'address of the hook; of all kinds but mail', notEmpty('--url', 'an address'))
    .option('--to <addresses>', 'of mail: addresses, separated by commas', notEmpty('--to', 'addresses'))
    .option('--secret <text>', 'signs messages to Feishu, DingTalk and webhooks', notEmpty('--secret', 'a secret'))
    .option(
      '--language <language>',
      `of the messages: ${alertLanguages.join(', ')}`,
      oneOf('--language', alertLanguages),
    )
    .action((name: string, flags: Flags & ChannelFlags) =>
      done(load().then((commands) => commands.addChannel(name, flags, context))),
    );
  add('remove-channel <id>', 'delete a channel').action((id: string, flags: Flags) =>
    done(load().then((commands) => commands.removeChannel(id, flags, context))),
  );
  add('test <channel>', 'send a test, and say what became of it').action((id: string, flags: Flags) =>
    done(load().then((commands) => commands.testChannel(id, flags, context))),
  );
}

const LEAST = -1e15;
const MOST = 1e15;
