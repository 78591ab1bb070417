import { permissions, roles } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ChangeKeyFlags, CreateKeyFlags, KeyFlags, RotateKeyFlags, RotateUrlKeyFlags } from '../commands/keys.ts';
import { futureTime, notEmpty, oneOf, orNone, someOf, wholeNumber } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';
import { addLimitOptions } from './limit-options.ts';

/** `imagemill keys …` */
export function addKeys(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/keys.ts');
  const tenant = ['--tenant <id>', 'whose keys (default: default)', notEmpty('--tenant', 'a tenant')] as const;
  const keys = program.command('keys').description('make, list, change, rotate and revoke API keys');

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

  const change = addLimitOptions(keys.command('set').alias('update'))
    .description('change an API key; "none" takes scopes, the end or a limit away')
    .argument('<id>', 'id of the key, the part between im_ and the secret')
    .option(...tenant)
    .option('--name <text>', 'what it is for', notEmpty('--name', 'a name'))
    .option('--role <role>', roles.join(', '), oneOf('--role', roles))
    .option('--scopes <list>', 'permissions that narrow the role', orNone(someOf('--scopes', permissions)))
    .option('--expires <when>', '90d, 12h, 30m or a date', orNone(futureTime('--expires')));
  addAdministrationOptions(change, 'print one JSON line').action((id: string, flags: ChangeKeyFlags) =>
    done(load().then(({ changeKey }) => changeKey(id, flags, context))),
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

  const rotateUrl = keys
    .command('rotate-url-key')
    .description('let a new secret sign addresses of pictures')
    .option('--end-old', 'end the addresses that were handed out before');
  addAdministrationOptions(rotateUrl, 'print one JSON line').action((flags: RotateUrlKeyFlags) =>
    done(load().then(({ rotateUrlKey }) => rotateUrlKey(flags, context))),
  );
}
