import type { ApiKey, IssuedKey, Permission, Role } from '@imagemill/api';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { allPages, withAdministration } from './administration.ts';
import { type LimitFlags, limitChangeOf, limitsOf } from './limit-flags.ts';

export interface KeyFlags extends AdministrationFlags {
  readonly tenant?: string;
}

export interface CreateKeyFlags extends KeyFlags, LimitFlags {
  readonly role: Role;
  readonly name?: string;
  readonly scopes?: readonly Permission[];
  readonly expires?: string;
}

export interface ChangeKeyFlags extends KeyFlags, LimitFlags {
  readonly name?: string;
  readonly role?: Role;
  readonly scopes?: readonly Permission[] | 'none';
  readonly expires?: string;
}

export interface RotateKeyFlags extends KeyFlags {
  /** Hours. */
  readonly overlap: number;
}

export interface RotateUrlKeyFlags extends AdministrationFlags {
  readonly endOld?: boolean;
}

export function createKey(flags: CreateKeyFlags, context: CommandContext): Promise<number> {
  const { role, name = role, scopes, expires: expiresAt, tenant: tenantId } = flags;
  return withAdministration(flags, context, async (client) => {
    const issued = await client.createKey({ name, role, scopes, expiresAt, tenantId, limits: limitsOf(flags) });
    printIssued(issued, flags, context.output);
    return exitCodes.ok;
  });
}

export function changeKey(id: string, flags: ChangeKeyFlags, context: CommandContext): Promise<number> {
  const { name, role, scopes, expires, tenant } = flags;
  const wanted = {
    name,
    role,
    scopes: scopes === 'none' ? null : scopes,
    expiresAt: expires === 'none' ? null : expires,
    limits: limitChangeOf(flags),
  };
  return withAdministration(flags, context, async (client) => {
    const key = await client.changeKey(id, wanted, { tenant });
    context.output.result(flags.json ? JSON.stringify(key) : formatTable(columns, [rowOf(key)]));
    return exitCodes.ok;
  });
}

export function rotateKey(id: string, flags: RotateKeyFlags, context: CommandContext): Promise<number> {
  return withAdministration(flags, context, async (client) => {
    const { tenant, overlap } = flags;
    const issued = await client.rotateKey(id, { overlapSeconds: overlap * 3_600 }, { tenant });
    printIssued(issued, flags, context.output);
    context.output.note(`The key ${id} ${overlap === 0 ? 'has ended' : `is good for ${overlap} more hours`}.`);
    return exitCodes.ok;
  });
}

export function rotateUrlKey(flags: RotateUrlKeyFlags, context: CommandContext): Promise<number> {
  const { endOld = false, json } = flags;
  return withAdministration(flags, context, async (client) => {
    const made = await client.rotateUrlKey({ endOld });
    const old = endOld ? 'end within seconds' : 'stay good for their time (assetUrlSeconds)';
    if (json) context.output.result(JSON.stringify(made));
    else context.output.note(`${made.id} signs addresses of pictures in some seconds; those handed out before ${old}.`);
    return exitCodes.ok;
  });
}

export function revokeKey(id: string, flags: KeyFlags, context: CommandContext): Promise<number> {
  return withAdministration(flags, context, async (client) => {
    const key = await client.revokeKey(id, { tenant: flags.tenant });
    if (flags.json) context.output.result(JSON.stringify(key));
    else context.output.note(`The key ${id} (${key.name}) is revoked.`);
    return exitCodes.ok;
  });
}

export function listKeys(flags: KeyFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  return withAdministration(flags, context, async (client) => {
    const keys = await allPages((page) => client.listKeys({ ...page, tenant: flags.tenant }));
    if (flags.json) for (const key of keys) output.result(JSON.stringify(key));
    else if (keys.length === 0) output.note('There is no key. "imagemill keys create" makes one.');
    else output.result(formatTable(columns, keys.map(rowOf)));
    return exitCodes.ok;
  });
}

/** The secret alone is the result, so that a script can keep it: `KEY=$(imagemill keys create …)`. */
function printIssued({ key, secret }: IssuedKey, { json }: KeyFlags, output: Output): void {
  if (json) {
    output.result(JSON.stringify({ ...key, secret }));
    return;
  }
  output.result(secret);
  const end = key.expiresAt === undefined ? '' : `, until ${key.expiresAt}`;
  output.note(`Key ${key.id} (${key.name}): ${key.role} of ${key.tenantId}${end}. The secret is shown this once.`);
}

const columns = ['ID', 'NAME', 'ROLE', 'STATE', 'CREATED', 'EXPIRES', 'LIMITS', 'LAST USED'];

function rowOf({ limits, id, name, role, scopes, state, createdAt, expiresAt, lastUsedAt }: ApiKey): readonly string[] {
  const rights = scopes === undefined ? role : `${role} (${scopes.join(', ')})`;
  const limited = Object.entries(limits)
    .map((pair) => pair.join(' '))
    .join(', ');
  const [made, end] = [createdAt.slice(0, 10), expiresAt?.slice(0, 10) ?? 'never'];
  return [id, name, rights, state, made, end, limited, lastUsedAt ?? 'never'];
}
