import { webhookEvents } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { CreateWebhookFlags, DeliveriesFlags, RotateSecretFlags, WebhookFlags } from '../commands/webhooks.ts';
import { notEmpty, oneOf, someOf, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addServerOption } from './server-option.ts';

/** `imagemill webhooks …`, of a running server. */
export function addWebhooks(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/webhooks.ts');
  const webhooks = program.command('webhooks').description('tell other programs of events, and look at what was sent');
  const add = (name: string, description: string): Command =>
    addServerOption(webhooks.command(name).description(description));
  const id = ['<id>', 'which webhook'] as const;
  const json = ['--json', 'print JSON lines', false] as const;

  add('list', 'list the webhooks of the tenant')
    .option(...json)
    .action((flags: WebhookFlags) => done(load().then(({ listWebhooks }) => listWebhooks(flags, context))));
  add('create', 'add an endpoint and print its secret, this once')
    .argument('<url>', 'https address outside the network of the server')
    .option('--events <list>', webhookEvents.join(', '), someOf('--events', webhookEvents))
    .option('--description <text>', 'for people', notEmpty('--description', 'a text'))
    .option(...json)
    .action((url: string, flags: CreateWebhookFlags) =>
      done(load().then(({ createWebhook }) => createWebhook(url, flags, context))),
    );
  add('delete', 'remove an endpoint and its deliveries')
    .argument(...id)
    .action((which: string, flags: WebhookFlags) =>
      done(load().then(({ deleteWebhook }) => deleteWebhook(which, flags, context))),
    );
  add('rotate', 'make a new secret; the old one signs too for a while')
    .argument(...id)
    .option('--overlap <hours>', 'how long the old secret signs too', wholeNumber('--overlap', 0, 168), 24)
    .option(...json)
    .action((which: string, flags: RotateSecretFlags) =>
      done(load().then(({ rotateSecret }) => rotateSecret(which, flags, context))),
    );
  const states = ['pending', 'delivered', 'failed'] as const;
  add('deliveries', 'list what was sent, newest first')
    .argument(...id)
    .option('--state <state>', states.join(', '), oneOf('--state', states))
    .option('--limit <n>', 'lines', wholeNumber('--limit', 1, 100_000), 50)
    .option(...json)
    .action((which: string, flags: DeliveriesFlags) =>
      done(load().then(({ listDeliveries }) => listDeliveries(which, flags, context))),
    );
  add('replay', 'send a message once more')
    .argument(...id)
    .argument('<delivery>', 'which message; "imagemill webhooks deliveries" shows it')
    .option(...json)
    .action((which: string, delivery: string, flags: WebhookFlags) =>
      done(load().then(({ replayDelivery }) => replayDelivery(which, delivery, flags, context))),
    );
}
