import type { AlertNotice } from '../../application/alert-ports.ts';
import type { Alert, AlertLanguage } from '../../domain/alerting/alert.ts';
import { type SignalName, signals } from '../../domain/alerting/rule.ts';
import { chineseRule, chineseSeverities, chineseSignals } from './chinese-names.ts';

type Language = Exclude<AlertLanguage, 'both'>;

interface Text {
  /** One line. */
  readonly title: string;
  readonly lines: readonly string[];
}

/** What people read; in two languages, one after the other. */
export interface NoticeText extends Text {
  /** The same, a language each. */
  readonly parts: readonly (Text & { readonly language: Language })[];
}

/** Figures and names of rules alone; there is no prompt in it. */
export function noticeText(notice: AlertNotice, installation: string, language: AlertLanguage): NoticeText {
  const languages: readonly Language[] = language === 'both' ? ['en', 'zh-CN'] : [language];
  const parts = languages.map((one) => ({ language: one, ...writers[one](notice, installation) }));
  return { title: parts.map(({ title }) => title).join(' · '), lines: parts.flatMap(({ lines }) => lines), parts };
}

const writers: Readonly<Record<Language, (notice: AlertNotice, installation: string) => Text>> = {
  en({ kind, at, alert }, installation) {
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
  },
  'zh-CN'({ kind, at, alert }, installation) {
    if (alert === undefined) {
      return {
        title: 'Imagemill：通知渠道测试',
        lines: [`${installation} 可以把消息发到这里。`, `发送时间：${time(at)}。`],
      };
    }
    const { rule } = alert;
    const { name, advice } = chineseRule(rule);
    const side = rule.comparison === 'above' ? '高于' : '低于';
    const bound = `${side} ${figure(rule.signal, rule.threshold)} 持续 ${rule.forSeconds} 秒`;
    const facts = `${chineseSignals[rule.signal]}为 ${figure(rule.signal, alert.value)}（告警条件：${bound}）。`;
    if (kind === 'resolved') {
      return {
        title: `已恢复：${name}`,
        lines: [
          `${installation} 的“${name}”已恢复，持续了 ${lastedInChinese(alert)}。`,
          `${facts}最差值为 ${figure(rule.signal, alert.worst)}。`,
        ],
      };
    }
    const again = kind === 'repeated' ? '仍未恢复：' : '';
    return {
      title: `${again}${chineseSeverities[rule.severity]}：${name}`,
      lines: [
        `${installation} 发生“${name}”，始于 ${time(alert.firedAt)}。`,
        facts,
        ...(advice === '' ? [] : [advice]),
      ],
    };
  },
};

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

function lasted(alert: Alert): string {
  const minutes = minutesOf(alert);
  return minutes < 1 ? 'less than a minute' : `${minutes} min`;
}

function lastedInChinese(alert: Alert): string {
  const minutes = minutesOf(alert);
  return minutes < 1 ? '不到一分钟' : `${minutes} 分钟`;
}

function minutesOf({ firedAt, resolvedAt = firedAt }: Alert): number {
  return Math.round((resolvedAt - firedAt) / 60_000);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
