import type { Transporter } from 'nodemailer';
import type { NoticeText } from './notice-text.ts';

export interface SmtpOptions {
  /** `smtp://user:password@host:587`, or `smtps://` with TLS from the start. */
  readonly url: string;
  readonly from: string;
  readonly timeoutMs: number;
}

export interface Mailer {
  /** Undefined when the server took it, else why not. Never throws. */
  send(to: readonly string[], text: NoticeText, id: string): Promise<string | undefined>;
}

/** Mail by SMTP, one connection a message. The library is loaded with the first one. */
export function createSmtpMailer({ url, from, timeoutMs }: SmtpOptions): Mailer {
  let transport: Promise<Transporter> | undefined;
  const open = async (): Promise<Transporter> => {
    const { createTransport } = await import('nodemailer');
    const times = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
    return createTransport({ url, ...times, disableFileAccess: true, disableUrlAccess: true });
  };
  return {
    async send(to, { title, lines }, id) {
      try {
        transport ??= open();
        const domain = /@([\w.-]+)/.exec(from)?.[1] ?? 'imagemill';
        const messageId = `<${id}@${domain}>`;
        const sender = await transport;
        const result = await sender.sendMail({
          from,
          to: [...to],
          subject: title,
          text: lines.join('\n\n'),
          messageId,
        });
        const refused = (result as { readonly rejected?: readonly unknown[] }).rejected ?? [];
        return refused.length === 0 ? undefined : `The mail server refused ${refused.map(String).join(', ')}.`;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        // What the library says may hold the address, never the password.
        return `The mail server did not take it: ${code === undefined ? message : `${message} (${code})`}`;
      }
    },
  };
}
