/**
 * What alerts need from outside. Terms: see `domain/alerting/rule.ts`.
 *
 * - *sample*: every process writes what it sees of itself; whoever holds the *watch* (a lease) makes signals of all
 *   samples, moves the rules and sends. When it falls silent another process takes the watch over.
 */
import type { Alert, AlertChannel, AlertDelivery, NoticeKind, Silence } from '../domain/alerting/alert.ts';
import type { RuleState } from '../domain/alerting/evaluate-rule.ts';
import type { HistoryPoint } from '../domain/alerting/history.ts';
import type { AlertRule } from '../domain/alerting/rule.ts';
import type { ProcessSample } from '../domain/alerting/sample.ts';

export interface AlertQuery {
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: string | undefined;
  readonly state?: 'firing' | 'resolved' | undefined;
}

export interface AlertReader {
  /** Rules that somebody made or changed; the defaults are not among them. */
  rules(): Promise<readonly AlertRule[]>;
  channels(): Promise<readonly AlertChannel[]>;
  silences(): Promise<readonly Silence[]>;
  /** By the id of the rule; one that is missing is ok. */
  states(): Promise<ReadonlyMap<string, RuleState>>;
  /** Newest first. */
  alerts(query: AlertQuery): Promise<readonly Alert[]>;
  findAlert(id: string): Promise<Alert | undefined>;
  /** Oldest first. */
  deliveries(alertId: string): Promise<readonly AlertDelivery[]>;
  findDelivery(id: string): Promise<AlertDelivery | undefined>;
  /** By time. */
  history(since: number): Promise<readonly HistoryPoint[]>;
  /** By time. */
  samples(since: number): Promise<readonly ProcessSample[]>;
}

export interface AlertTransaction extends AlertReader {
  saveRule(rule: AlertRule): Promise<void>;
  /** With its state. */
  removeRule(id: string): Promise<boolean>;
  saveChannel(channel: AlertChannel): Promise<void>;
  removeChannel(id: string): Promise<boolean>;
  saveSilence(silence: Silence): Promise<void>;
  removeSilence(id: string): Promise<boolean>;
  saveState(ruleId: string, state: RuleState): Promise<void>;
  /** New or changed. */
  saveAlert(alert: Alert): Promise<void>;
  saveDelivery(delivery: AlertDelivery): Promise<void>;
  /** Pending deliveries whose time has come, their next attempt put off to `until`. */
  claimDeliveries(query: {
    readonly now: number;
    readonly until: number;
    readonly limit: number;
  }): Promise<readonly AlertDelivery[]>;
  addSample(sample: ProcessSample): Promise<void>;
  /** Once a slot; a second one of the same slot changes nothing. */
  addHistory(point: HistoryPoint): Promise<void>;
  /** Takes or renews a lease; false when another holder has it. */
  takeLease(lease: {
    readonly name: string;
    readonly holder: string;
    readonly now: number;
    until: number;
  }): Promise<boolean>;
  giveLeaseBack(name: string, holder: string): Promise<void>;
  /** Removes samples, history, silences and resolved alerts (with their deliveries) of before the times. */
  forget(before: {
    readonly samples: number;
    readonly history: number;
    readonly alerts: number;
    readonly now: number;
  }): Promise<void>;
}

/** What is told to a channel. */
export interface AlertNotice {
  /** Equal for repeats of one message. */
  readonly id: string;
  readonly kind: NoticeKind;
  readonly at: number;
  /** Undefined for a test. */
  readonly alert: Alert | undefined;
}

/** Sends to channels of all kinds. */
export interface AlertSender {
  /** Undefined when it arrived, else why it did not. Never throws. */
  send(channel: AlertChannel, notice: AlertNotice, signal: AbortSignal): Promise<string | undefined>;
  /** What is wrong with the address of a channel; undefined when it may be used. */
  problemOf(channel: AlertChannel): string | undefined;
}
