import type { AlertChannelKind, AlertLanguage, AlertNotice } from '@imagemill/api';
import { type Client, createClient } from '@imagemill/api/client';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { type ServerFlags, serverOf } from '../command-line/server-option.ts';
import { formatTable } from '../terminal/format.ts';

type Flags = ServerFlags & { readonly json: boolean };

export interface RuleFlags {
  readonly threshold?: number;
  readonly clearThreshold?: number;
  readonly for?: number;
  readonly clearFor?: number;
  readonly on?: boolean;
  readonly off?: boolean;
}

export interface ChannelFlags {
  readonly kind: AlertChannelKind;
  readonly url?: string;
  readonly to?: string;
  readonly secret?: string;
  readonly language?: AlertLanguage;
}

export interface SilenceFlags {
  readonly rule?: string;
  readonly minutes: number;
  readonly comment: string;
}

export async function listAlerts(flags: Flags, context: CommandContext): Promise<number> {
  const { items } = await clientOf(flags, context).listAlerts({ limit: 50 });
  const rows = items.map((one) => [one.id, one.state, one.severity, one.name, String(one.value), one.firedAt]);
  return show(items, ['ID', 'STATE', 'SEVERITY', 'WHAT', 'VALUE', 'SINCE'], rows, flags, context);
}

export async function acknowledge(
  id: string,
  flags: Flags & { readonly comment: string },
  context: CommandContext,
): Promise<number> {
  return one(
    await clientOf(flags, context).acknowledgeAlert(id, flags.comment),
    `${id} is acknowledged.`,
    flags,
    context,
  );
}

export async function listRules(flags: Flags, context: CommandContext): Promise<number> {
  const { items } = await clientOf(flags, context).listAlertRules();
  const rows = items.map((rule) => {
    const bound = `${rule.signal} ${rule.comparison} ${rule.threshold} for ${rule.forSeconds} s`;
    return [rule.id, rule.enabled ? rule.phase : 'off', rule.severity, bound, rule.channels.join(', ') || 'all'];
  });
  return show(items, ['RULE', 'STATE', 'SEVERITY', 'WHEN', 'CHANNELS'], rows, flags, context);
}

export async function setRule(id: string, flags: Flags & RuleFlags, context: CommandContext): Promise<number> {
  const { threshold, clearThreshold, for: forSeconds, clearFor: clearForSeconds, on, off } = flags;
  const enabled = on === true ? true : off === true ? false : undefined;
  const change = { threshold, clearThreshold, forSeconds, clearForSeconds, enabled };
  const rule = await clientOf(flags, context).changeAlertRule(id, change);
  return one(rule, `${id}: ${rule.signal} ${rule.comparison} ${rule.threshold}.`, flags, context);
}

export async function resetRule(id: string, flags: Flags, context: CommandContext): Promise<number> {
  await clientOf(flags, context).deleteAlertRule(id);
  return one({ id }, `${id} is deleted, or as it was.`, flags, context);
}

export async function listChannels(flags: Flags, context: CommandContext): Promise<number> {
  const { items } = await clientOf(flags, context).listAlertChannels();
  const rows = items.map(({ id, kind, name, target, isSigned }) => [id, kind, name, target, isSigned ? 'yes' : 'no']);
  return show(items, ['ID', 'KIND', 'NAME', 'TO', 'SIGNED'], rows, flags, context);
}

export async function addChannel(name: string, flags: Flags & ChannelFlags, context: CommandContext): Promise<number> {
  const { kind, url, secret, to, language } = flags;
  const addresses = to?.split(',').map((address) => address.trim());
  const channel = await clientOf(flags, context).createAlertChannel({
    ...{ name, kind, url, secret, language },
    ...(addresses && { to: addresses }),
  });
  return one(channel, `${channel.id} sends to ${channel.target}.`, flags, context);
}

export async function removeChannel(id: string, flags: Flags, context: CommandContext): Promise<number> {
  await clientOf(flags, context).deleteAlertChannel(id);
  return one({ id }, `${id} is deleted.`, flags, context);
}

/** Waits until the message arrived or failed once. */
export async function testChannel(id: string, flags: Flags, context: CommandContext): Promise<number> {
  const client = clientOf(flags, context);
  let notice: AlertNotice = await client.testAlertChannel(id);
  for (let tries = 0; tries < TEST_TRIES && notice.attempts === 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, TEST_PAUSE_MS));
    notice = await client.getAlertNotice(notice.id);
  }
  const isThere = notice.state === 'delivered';
  const words = isThere ? 'It arrived.' : `It did not arrive: ${notice.problem ?? 'there is no answer yet.'}`;
  one(notice, words, flags, context);
  return isThere ? exitCodes.ok : exitCodes.failed;
}

export async function silence(flags: Flags & SilenceFlags, context: CommandContext): Promise<number> {
  const { rule: ruleId, minutes, comment } = flags;
  const made = await clientOf(flags, context).createAlertSilence({ ruleId, minutes, comment });
  return one(made, `${made.id} holds until ${made.until}.`, flags, context);
}

export async function listSilences(flags: Flags, context: CommandContext): Promise<number> {
  const { items } = await clientOf(flags, context).listAlertSilences();
  const rows = items.map(({ id, ruleId, until, by, comment }) => [id, ruleId ?? 'all', until, by, comment]);
  return show(items, ['ID', 'RULE', 'UNTIL', 'BY', 'WHY'], rows, flags, context);
}

export async function unsilence(id: string, flags: Flags, context: CommandContext): Promise<number> {
  await clientOf(flags, context).deleteAlertSilence(id);
  return one({ id }, `${id} is over.`, flags, context);
}

function clientOf({ server }: ServerFlags, { environment }: CommandContext): Client {
  const { key } = environment.server;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return createClient({ baseUrl: serverOf(server, environment), headers });
}

function show(
  items: readonly object[],
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { json }: Flags,
  { output }: CommandContext,
): number {
  if (json) for (const item of items) output.result(JSON.stringify(item));
  else
    output.result(
      formatTable(
        [...head],
        rows.map((row) => [...row]),
        [],
      ),
    );
  return exitCodes.ok;
}

function one(item: object, words: string, { json }: Flags, { output }: CommandContext): number {
  output.result(json ? JSON.stringify(item) : words);
  return exitCodes.ok;
}

const TEST_TRIES = 100;
const TEST_PAUSE_MS = 200;
