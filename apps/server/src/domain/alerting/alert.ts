import type { AlertRule } from './rule.ts';

/** One time that a rule's bound was broken. */
export interface Alert {
  /** Sorts by time. */
  readonly id: string;
  /** As the rule was when it fired. */
  readonly rule: AlertRule;
  readonly firedAt: number;
  readonly resolvedAt: number | undefined;
  /** The signal when it fired. */
  readonly value: number;
  /** The furthest that the signal went to the bad side. */
  readonly worst: number;
  readonly acknowledged: Acknowledgement | undefined;
  /** When it was last told of; undefined while it was not, because of a silence. */
  readonly toldAt: number | undefined;
}

export interface Acknowledgement {
  readonly at: number;
  readonly by: string;
  readonly comment: string;
}

/** Keeps alerts of a rule, or of all, from being sent. */
export interface Silence {
  readonly id: string;
  /** Undefined for all rules. */
  readonly ruleId: string | undefined;
  readonly createdAt: number;
  readonly until: number;
  readonly by: string;
  readonly comment: string;
}

export const channelKinds = ['mail', 'feishu', 'dingtalk', 'wecom', 'slack', 'webhook'] as const;
export type ChannelKind = (typeof channelKinds)[number];

export const alertLanguages = ['en', 'zh-CN', 'both'] as const;
export type AlertLanguage = (typeof alertLanguages)[number];

/** Where alerts are sent. */
export interface AlertChannel {
  readonly id: string;
  readonly name: string;
  readonly kind: ChannelKind;
  /** Of mail. */
  readonly to: readonly string[];
  /** Of all others; it may hold a token of the service and is not shown whole. */
  readonly url: string | undefined;
  /** Signs messages to Feishu, DingTalk and plain webhooks. */
  readonly secret: string | undefined;
  /** Of the messages. @default that of the settings */
  readonly language?: AlertLanguage | undefined;
  readonly enabled: boolean;
  readonly createdAt: number;
}

export type NoticeKind = 'fired' | 'repeated' | 'resolved' | 'test';

/** One message about an alert to one channel, with what became of it. */
export interface AlertDelivery {
  readonly id: string;
  /** Undefined for a test. */
  readonly alertId: string | undefined;
  readonly channelId: string;
  readonly kind: NoticeKind;
  readonly state: 'pending' | 'delivered' | 'given_up';
  readonly createdAt: number;
  readonly nextAt: number;
  readonly attempts: number;
  /** Of the last attempt. */
  readonly problem: string | undefined;
}

/** Whether alerts of a rule are kept back at a time. */
export function isSilenced(silences: readonly Silence[], ruleId: string, now: number): boolean {
  return silences.some(({ ruleId: of, until }) => until > now && (of === undefined || of === ruleId));
}

/** What has to be told of an alert that fires; undefined when nothing has. */
export function dueNotice(alert: Alert, silences: readonly Silence[], now: number): 'fired' | 'repeated' | undefined {
  if (alert.resolvedAt !== undefined || isSilenced(silences, alert.rule.id, now)) return undefined;
  if (alert.toldAt === undefined) return 'fired';
  const { repeatSeconds } = alert.rule;
  if (repeatSeconds === 0 || alert.acknowledged !== undefined) return undefined;
  return now - alert.toldAt >= repeatSeconds * 1_000 ? 'repeated' : undefined;
}

/** What follows from one attempt to send. */
export function judgeDelivery(
  delivery: AlertDelivery,
  problem: string | undefined,
  { now, pausesMs }: { readonly now: number; readonly pausesMs: readonly number[] },
): AlertDelivery {
  const attempts = delivery.attempts + 1;
  if (problem === undefined) return { ...delivery, attempts, state: 'delivered', problem };
  const pause = pausesMs[attempts - 1];
  if (pause === undefined) return { ...delivery, attempts, state: 'given_up', problem };
  return { ...delivery, attempts, nextAt: now + pause, problem };
}

/** The worse of two values of a signal. */
export function worseOf({ comparison }: AlertRule, a: number, b: number): number {
  return comparison === 'above' ? Math.max(a, b) : Math.min(a, b);
}
