import { permissions, roles } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { CreateKeyFlags, KeyFlags, RotateKeyFlags } from '../commands/keys.ts';
import { futureTime, notEmpty, oneOf, someOf, wholeNumber } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';
import { addLimitOptions } from './limit-options.ts';

/** `imagemill keys …` */
export function addKeys(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/keys.ts');
  const tenant = ['--tenant <id>', 'whose keys (default: default)', notEmpty('--tenant', 'a tenant')] as const;
  const keys = program.command('keys').description('make, list, rotate and revoke API keys');

  const create = addLimitOptions(keys.command('create'))
    .description('make an API key and print its secret, this once')
    .option(...tenant)
    .requiredOption('--role <role>', roles.join(', '), oneOf('--role', roles))
    .option('--name <text>', 'what it is for (default: its role)', notEmpty('--name', 'a name'))
    .option('--scopes <list>', 'permissions that narrow the role, parted by commas', someOf('--scopes', permissions))
    .option('--expires <when>', '90d, 12h, 30m or a date (default: never)', futureTime('--expires'));
  addAdministrationOptions(create, 'print one JSON line').action((flags: CreateKeyFlags) =>
    done(load().then(({ createKey }) => createKey(flags, context))),
  );

  const list = keys
    .command('list')
    .description('list the API keys of a tenant, newest first, without their secrets')
    .option(...tenant);
  addAdministrationOptions(list, 'print one JSON line a key').action((flags: KeyFlags) =>
    done(load().then(({ listKeys }) => listKeys(flags, context))),
  );

  const revoke = keys
    .command('revoke')
    .description('revoke an API key at once')
    .argument('<id>', 'id of the key, the part between im_ and the secret')
    .option(...tenant);
  addAdministrationOptions(revoke, 'print one JSON line').action((id: string, flags: KeyFlags) =>
    done(load().then(({ revokeKey }) => revokeKey(id, flags, context))),
  );

  const rotate = keys
    .command('rotate')
    .description('make a key with the same rights and let the old one end')
    .argument('<id>', 'id of the old key')
    .option(...tenant)
    .option('--overlap <hours>', 'how long the old key is still good', wholeNumber('--overlap', 0, 720), 24);
  addAdministrationOptions(rotate, 'print one JSON line').action((id: string, flags: RotateKeyFlags) =>
    done(load().then(({ rotateKey }) => rotateKey(id, flags, context))),
  );
}
