import type { AlertNotice } from '../../application/alert-ports.ts';
import type { Alert } from '../../domain/alerting/alert.ts';
import { type SignalName, signals } from '../../domain/alerting/rule.ts';

export interface NoticeText {
  /** One line. */
  readonly title: string;
  readonly lines: readonly string[];
}

/** What people read. Figures and names of rules alone; there is no prompt in it. */
export function noticeText({ kind, at, alert }: AlertNotice, installation: string): NoticeText {
  if (alert === undefined) {
    return {
      title: `Imagemill: test of this channel`,
      lines: [`${installation} can reach you here.`, `Sent at ${time(at)}.`],
    };
  }
  const { rule } = alert;
  const bound = `${rule.comparison} ${figure(rule.signal, rule.threshold)}`;
  const facts = `${rule.signal} was ${figure(rule.signal, alert.value)} (alert when ${bound} for ${rule.forSeconds} s).`;
  if (kind === 'resolved') {
    return {
      title: `Resolved: ${rule.name}`,
      lines: [
        `${rule.name} on ${installation} is over, after ${lasted(alert)}.`,
        `${facts} The worst was ${figure(rule.signal, alert.worst)}.`,
      ],
    };
  }
  const again = kind === 'repeated' ? 'Still: ' : '';
  return {
    title: `${again}${rule.severity}: ${rule.name}`,
    lines: [
      `${rule.name} on ${installation}, since ${time(alert.firedAt)}.`,
      facts,
      ...(rule.advice === '' ? [] : [rule.advice]),
    ],
  };
}

function figure(signal: SignalName, value: number): string {
  switch (signals[signal].unit) {
    case 'ratio':
      return `${(value * 100).toFixed(1)} %`;
    case 'seconds':
      return `${value.toFixed(0)} s`;
    case 'bytes':
      return `${(value / 1e9).toFixed(1)} GB`;
    default:
      return String(value);
  }
}

function lasted({ firedAt, resolvedAt = firedAt }: Alert): string {
  const minutes = Math.round((resolvedAt - firedAt) / 60_000);
  return minutes < 1 ? 'less than a minute' : `${minutes} min`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
