import { createHmac } from 'node:crypto';
import type { AlertNotice } from '../../application/alert-ports.ts';
import type { AlertChannel, ChannelKind } from '../../domain/alerting/alert.ts';
import type { NoticeText } from './notice-text.ts';

/** A message as a service wants it. */
export interface ChatMessage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
}

export interface ChatInput {
  readonly channel: AlertChannel & { readonly url: string };
  readonly notice: AlertNotice;
  readonly text: NoticeText;
  /** ms since 1970 */
  readonly now: number;
}

/** Builds the message of a channel that is reached over HTTP. */
export function chatMessage(kind: Exclude<ChannelKind, 'mail'>, input: ChatInput): ChatMessage {
  return builders[kind](input);
}

/** What a service that answers every request with 200 says about this one; undefined when it took it. */
export function answerProblem(kind: ChannelKind, response: string): string | undefined {
  if (kind !== 'feishu' && kind !== 'dingtalk' && kind !== 'wecom') return undefined;
  const answer = parse(response);
  if (answer === undefined) return 'It answered 200 with what is no answer of the service.';
  // Feishu: code (or StatusCode in older answers); DingTalk and WeCom: errcode. 0 is success.
  const code = answer['errcode'] ?? answer['code'] ?? answer['StatusCode'];
  if (code === 0) return undefined;
  const words = answer['errmsg'] ?? answer['msg'] ?? answer['StatusMessage'] ?? '';
  return `The service refused it: ${String(code)} ${String(words)}`.trim();
}

const builders: Readonly<Record<Exclude<ChannelKind, 'mail'>, (input: ChatInput) => ChatMessage>> = {
  /** Signed: HMAC-SHA256 of nothing, with `<seconds>\n<secret>` as the key. */
  feishu({ channel, text, now }) {
    const timestamp = String(Math.floor(now / 1_000));
    const signature =
      channel.secret === undefined ? {} : { timestamp, sign: hmac(`${timestamp}\n${channel.secret}`, '') };
    // The service shows everyone the part in the language that person has set.
    const post = Object.fromEntries(
      text.parts.map(({ language, title, lines }) => {
        const content = lines.map((line) => [{ tag: 'text', text: line }]);
        return [language === 'en' ? 'en_us' : 'zh_cn', { title, content }];
      }),
    );
    return message(channel.url, { ...signature, msg_type: 'post', content: { post } });
  },
  /** Signed: HMAC-SHA256 of `<milliseconds>\n<secret>` with the secret as the key, in the address. */
  dingtalk({ channel, text, now }) {
    const url = new URL(channel.url);
    if (channel.secret !== undefined) {
      url.searchParams.set('timestamp', String(now));
      url.searchParams.set('sign', hmac(channel.secret, `${now}\n${channel.secret}`));
    }
    const body = [`#### ${text.title}`, ...text.lines].join('\n\n');
    return message(url.href, { msgtype: 'markdown', markdown: { title: text.title, text: body } });
  },
  wecom({ channel, text }) {
    const content = [`**${text.title}**`, ...text.lines.map((line) => `> ${line}`)].join('\n');
    return message(channel.url, { msgtype: 'markdown', markdown: { content: cut(content, WECOM_BYTES) } });
  },
  slack({ channel, text }) {
    const body = text.lines.map(escapeSlack).join('\n');
    const title = escapeSlack(text.title);
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: text.title.slice(0, 150) } },
      { type: 'section', text: { type: 'mrkdwn', text: body.slice(0, 3_000) } },
    ];
    return message(channel.url, { text: `${title}\n${body}`, blocks });
  },
  /** Everything that is known, signed as Standard Webhooks has it when there is a secret. */
  webhook({ channel, notice, text, now }) {
    const { id, kind, at, alert } = notice;
    const data = { title: text.title, text: text.lines.join('\n'), alert };
    const payload = JSON.stringify({ type: `alert.${kind}`, timestamp: new Date(at).toISOString(), data });
    const timestamp = String(Math.floor(now / 1_000));
    const signature =
      channel.secret === undefined
        ? {}
        : { 'webhook-signature': `v1,${hmac(keyOf(channel.secret), `${id}.${timestamp}.${payload}`)}` };
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, ...signature };
    return { url: channel.url, headers: { ...json, ...headers }, payload };
  },
};

const json = { 'content-type': 'application/json' };

function message(url: string, body: object): ChatMessage {
  return { url, headers: json, payload: JSON.stringify(body) };
}

function hmac(key: string | Buffer, content: string): string {
  return createHmac('sha256', key).update(content).digest('base64');
}

/** A secret of Standard Webhooks holds its key in base64; any other is the key. */
function keyOf(secret: string): string | Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The start of a text that takes at most so many bytes in UTF-8. */
function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  return whole.length <= bytes
    ? text
    : whole
        .subarray(0, bytes)
        .toString('utf8')
        .replace(/\uFFFD+$/, '');
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const WECOM_BYTES = 4_096;
