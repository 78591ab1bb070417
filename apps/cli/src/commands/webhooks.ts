import type { DeliveryState, Webhook, WebhookDelivery, WebhookEvent, WebhookWithSecret } from '@imagemill/api';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { ServerFlags } from '../command-line/server-option.ts';
import { formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { allPages } from './administration.ts';
import { clientOf } from './server-client.ts';

export interface WebhookFlags extends ServerFlags {
  readonly json: boolean;
}

export interface CreateWebhookFlags extends WebhookFlags {
  readonly events?: readonly WebhookEvent[];
  readonly description?: string;
}

export interface RotateSecretFlags extends WebhookFlags {
  /** Hours. */
  readonly overlap: number;
}

export interface DeliveriesFlags extends WebhookFlags {
  readonly state?: DeliveryState;
  readonly limit: number;
}

export async function listWebhooks({ server, json }: WebhookFlags, context: CommandContext): Promise<number> {
  const { items } = await clientOf(server, context).listWebhooks();
  const { output } = context;
  if (json) for (const item of items) output.result(JSON.stringify(item));
  else if (items.length === 0) output.note('There is no webhook. "imagemill webhooks create" adds one.');
  else output.result(formatTable(['ID', 'URL', 'EVENTS', 'STATE'], items.map(webhookRow)));
  return exitCodes.ok;
}

export async function createWebhook(url: string, flags: CreateWebhookFlags, context: CommandContext): Promise<number> {
  const { server, events, description, json } = flags;
  printSecret(await clientOf(server, context).createWebhook({ url, events, description }), json, context.output);
  return exitCodes.ok;
}

export async function deleteWebhook(id: string, { server }: WebhookFlags, context: CommandContext): Promise<number> {
  await clientOf(server, context).deleteWebhook(id);
  context.output.note(`The webhook ${id} is deleted.`);
  return exitCodes.ok;
}

export async function rotateSecret(id: string, flags: RotateSecretFlags, context: CommandContext): Promise<number> {
  const { server, overlap, json } = flags;
  const rotated = await clientOf(server, context).rotateWebhookSecret(id, { overlapHours: overlap });
  printSecret(rotated, json, context.output);
  return exitCodes.ok;
}

export async function listDeliveries(id: string, flags: DeliveriesFlags, context: CommandContext): Promise<number> {
  const { server, state, limit, json } = flags;
  const client = clientOf(server, context);
  const found = await allPages((page) => client.listWebhookDeliveries(id, { ...page, state }), limit);
  const { output } = context;
  if (json) for (const delivery of found) output.result(JSON.stringify(delivery));
  else
    output.result(
      formatTable(['ID', 'EVENT', 'WHEN', 'STATE', 'ATTEMPTS', 'LAST'], found.map(deliveryRow), ['ATTEMPTS']),
    );
  return exitCodes.ok;
}

export async function replayDelivery(
  id: string,
  delivery: string,
  { server, json }: WebhookFlags,
  context: CommandContext,
): Promise<number> {
  const replayed = await clientOf(server, context).replayWebhookDelivery(id, delivery);
  if (json) context.output.result(JSON.stringify(replayed));
  else context.output.note(`The message ${delivery} is sent once more.`);
  return exitCodes.ok;
}

/** The secret alone is the result, so that a script can keep it. */
function printSecret(webhook: WebhookWithSecret, json: boolean, output: Output): void {
  output.result(json ? JSON.stringify(webhook) : webhook.secret);
  if (!json) output.note(`Webhook ${webhook.id}, ${webhook.url}. The secret is shown this once.`);
}

function webhookRow({ id, url, events, enabled, disabledReason }: Webhook): readonly string[] {
  return [id, url, events.join(', '), enabled ? 'enabled' : `disabled: ${disabledReason ?? ''}`];
}

function deliveryRow({ id, eventType, createdAt, state, attempts }: WebhookDelivery): readonly string[] {
  const last = attempts.at(-1);
  const words = last === undefined ? '' : (last.problem ?? String(last.status ?? ''));
  return [id, eventType, createdAt, state, String(attempts.length), words];
}
