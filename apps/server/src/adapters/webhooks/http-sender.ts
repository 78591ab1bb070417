import { createHmac } from 'node:crypto';
import type { WebhookMessage, WebhookSender } from '../../application/webhook-ports.ts';
import { createGuardedPost, type GuardedPostOptions } from './guarded-post.ts';

/** Sends messages as Standard Webhooks has it (https://www.standardwebhooks.com), past the guard. */
export function createHttpSender(options: GuardedPostOptions): WebhookSender {
  const { post, problemOf } = createGuardedPost(options);
  return {
    problemOf,
    send: (message, signal) => post(message.url, headersOf(message), message.payload, signal),
  };
}

/** Headers of a message, with its signatures. */
function headersOf({ id, payload, secrets, now }: WebhookMessage): Record<string, string> {
  const timestamp = Math.floor(now / 1_000);
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => `v1,${sign(secret, `${id}.${timestamp}.${payload}`)}`).join(' '),
  };
}

function sign(secret: string, content: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
