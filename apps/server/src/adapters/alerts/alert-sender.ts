import type { AlertSender } from '../../application/alert-ports.ts';
import type { AlertChannel, AlertLanguage } from '../../domain/alerting/alert.ts';
import { answerProblem, chatMessage } from './chat-message.ts';
import { noticeText } from './notice-text.ts';
import type { Mailer } from './smtp-mailer.ts';

export interface AlertSenderOptions {
  /** How the installation is called in messages. */
  readonly installation: string;
  /** Of messages to channels that name none. */
  readonly language: AlertLanguage;
  /** Undefined when no mail server is set. */
  readonly mailer: Mailer | undefined;
  /** Posts past the guard against addresses inside the network. */
  readonly http: {
    post(
      url: string,
      headers: Readonly<Record<string, string>>,
      payload: string,
      signal: AbortSignal,
    ): Promise<{ readonly problem: string | undefined; readonly response: string }>;
    problemOf(url: string): string | undefined;
  };
  readonly now: () => number;
}

/** Sends to channels of all kinds. */
export function createAlertSender({ installation, language, mailer, http, now }: AlertSenderOptions): AlertSender {
  const sender: AlertSender = {
    problemOf(channel) {
      const { kind, url, to } = channel;
      if (kind === 'mail') {
        if (to.length === 0) return 'A mail channel needs at least one address.';
        return mailer === undefined ? NO_MAIL : undefined;
      }
      return url === undefined ? 'The channel has no url.' : http.problemOf(url);
    },
    async send(channel, notice, signal) {
      const problem = sender.problemOf(channel);
      if (problem !== undefined) return problem;
      const text = noticeText(notice, installation, channel.language ?? language);
      const { kind } = channel;
      if (kind === 'mail') return mailer?.send(channel.to, text, notice.id);
      const { url, headers, payload } = chatMessage(kind, { channel: withUrl(channel), notice, text, now: now() });
      const outcome = await http.post(url, headers, payload, signal);
      return outcome.problem ?? answerProblem(kind, outcome.response);
    },
  };
  return sender;
}

function withUrl(channel: AlertChannel): AlertChannel & { readonly url: string } {
  return { ...channel, url: channel.url ?? '' };
}

const NO_MAIL = 'No mail server is set: the settings smtpUrl and mailFrom name one.';
