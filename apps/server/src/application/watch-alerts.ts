import type { Alert, AlertDelivery, NoticeKind } from '../domain/alerting/alert.ts';
import { dueNotice, isSilenced, worseOf } from '../domain/alerting/alert.ts';
import { evaluateRule, type RuleState } from '../domain/alerting/evaluate-rule.ts';
import { HISTORY_KEEP_MS, type HistoryPoint, historyPoint, slotOf } from '../domain/alerting/history.ts';
import { type AlertRule, defaultRules, type SignalName } from '../domain/alerting/rule.ts';
import { type ProcessSample, RATE_WINDOW_MS, type RecordFigures, readSignals } from '../domain/alerting/sample.ts';
import { monthOf } from '../domain/cost/budget.ts';
import type { AlertReader, AlertTransaction } from './alert-ports.ts';
import { every } from './every.ts';
import type { Clock, IdSource, Logger, Store } from './ports.ts';

export type Signals = Readonly<Record<SignalName, number | undefined>>;

export interface WatchAlertsPorts {
  readonly store: Pick<Store, 'queue' | 'alerts' | 'transact'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  /** Who this process is among all that may hold the watch. */
  readonly processId: string;
  /** What this process sees of itself since it was asked last. */
  readonly sample: () => Promise<Omit<ProcessSample, 'processId' | 'at'>>;
  /** Ids of channels that the settings make, beside those on record. */
  readonly fixedChannels: readonly string[];
  /** What is known of the cluster beside the records. @default nothing */
  readonly cluster?: (() => Promise<Pick<RecordFigures, 'standbyBehindMs' | 'unservedJobs'>>) | undefined;
  readonly intervalMs: number;
  /** Whether this process may hold the watch; one that may not only writes its samples. */
  readonly mayHold: boolean;
  /** Told when there is something to send. */
  readonly onDue: () => void;
}

/**
 * Writes this process's sample every interval, and while this process holds the watch keeps the history and moves all rules: an alert that
 * fires or is resolved is written with the messages about it, in one transaction.
 */
export class AlertWatch {
  readonly #ports: WatchAlertsPorts;
  readonly #stop: () => void;
  #isHolder = false;
  #lastSlot: number | undefined;
  #ticking: Promise<void> = Promise.resolve();

  constructor(ports: WatchAlertsPorts) {
    this.#ports = ports;
    const onError = (err: unknown): void => ports.log.warn({ err }, 'looking after the alert rules failed');
    this.#stop = every(ports.clock, ports.intervalMs, () => this.#begin(), onError);
  }

  /** Whether this process moved the rules the last time. */
  get isHolder(): boolean {
    return this.#isHolder;
  }

  /** One look at all. */
  async tick(): Promise<void> {
    const { store, clock, processId, intervalMs, mayHold } = this.#ports;
    const sample = { ...(await this.#ports.sample()), processId, at: clock.now() };
    const facts = await store.queue.facts();
    const cluster = await this.#ports.cluster?.();
    const wasTold = await store.transact(async ({ alerts, usage }) => {
      await alerts.addSample(sample);
      if (!mayHold) return false;
      const now = clock.now();
      const lease = { name: LEASE, holder: processId, now, until: now + Math.max(LEASE_MS, 3 * intervalMs) };
      this.#isHolder = await alerts.takeLease(lease);
      if (!this.#isHolder) return false;
      const history = now - HISTORY_KEEP_MS;
      await alerts.forget({ samples: now - RATE_WINDOW_MS, alerts: now - KEEP_ALERTS_MS, history, now });
      const waiting = Object.values(facts.classes);
      const queued = waiting.reduce((sum, one) => sum + one.queued + one.backingOff, 0);
      const samples = await alerts.samples(now - RATE_WINDOW_MS);
      const freshMs = Math.max(FRESH_MS, 3 * intervalMs);
      const running = waiting.reduce((sum, one) => sum + one.running, 0);
      await this.#writeHistory(alerts, historyPoint(samples, { queued, running }, { at: slotOf(now), freshMs }));
      const oldest = Math.min(...waiting.map(({ oldestAt }) => oldestAt ?? Number.POSITIVE_INFINITY));
      const signals = readSignals(
        samples,
        {
          queueLength: queued,
          oldestWaitMs: Number.isFinite(oldest) ? Math.max(0, now - oldest) : 0,
          deadLetters: facts.dead,
          budgetsReached: await usage.budgetsTold(monthOf(now).name),
          ...cluster,
        },
        { now, freshMs },
      );
      return this.#moveRules(alerts, signals, now);
    });
    if (wasTold) this.#ports.onDue();
  }

  #begin(): Promise<void> {
    this.#ticking = this.tick();
    return this.#ticking;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#ticking.catch(() => undefined);
    const { store, processId } = this.#ports;
    if (this.#isHolder) await store.transact(({ alerts }) => alerts.giveLeaseBack(LEASE, processId));
  }

  /** The first look in a slot writes its point; others of the slot find it there. */
  async #writeHistory(alerts: AlertTransaction, point: HistoryPoint): Promise<void> {
    if (point.at === this.#lastSlot) return;
    await alerts.addHistory(point);
    this.#lastSlot = point.at;
  }

  /** @returns whether there is something to send */
  async #moveRules(alerts: AlertTransaction, signals: Signals, now: number): Promise<boolean> {
    const states = await alerts.states();
    const firing = new Map((await alerts.alerts({ limit: 1_000, state: 'firing' })).map((one) => [one.rule.id, one]));
    let isDue = false;
    for (const rule of await allRules(alerts)) {
      const before: RuleState = states.get(rule.id) ?? { phase: 'ok' };
      const value = signals[rule.signal];
      const { state, change } = evaluateRule(rule, before, { at: now, value });
      if (JSON.stringify(state) !== JSON.stringify(before)) await alerts.saveState(rule.id, state);
      const alert = await this.#follow(alerts, { rule, change, known: firing.get(rule.id), value, now });
      firing.delete(rule.id);
      if (alert !== undefined) isDue = (await this.#tell(alerts, alert, now)) || isDue;
    }
    // Rules that were deleted while they fired.
    for (const alert of firing.values()) await alerts.saveAlert({ ...alert, resolvedAt: now });
    return isDue;
  }

  /** The alert of a rule as it is after a reading, written down where it changed. */
  async #follow(
    alerts: AlertTransaction,
    step: {
      readonly rule: AlertRule;
      readonly change: 'fired' | 'resolved' | undefined;
      readonly known: Alert | undefined;
      readonly value: number | undefined;
      readonly now: number;
    },
  ): Promise<Alert | undefined> {
    const { rule, change, known, value = 0, now } = step;
    if (change === 'fired') {
      const about = { firedAt: now, resolvedAt: undefined, acknowledged: undefined, toldAt: undefined };
      const alert = { id: `alert_${this.#ports.ids.next()}`, rule, ...about, value, worst: value };
      await alerts.saveAlert(alert);
      const words = `alert: ${rule.name}: ${rule.signal} is ${value}`;
      this.#ports.log.warn({ rule: rule.id, value, threshold: rule.threshold }, words);
      return alert;
    }
    if (known === undefined) return undefined;
    const worst = step.value === undefined ? known.worst : worseOf(rule, known.worst, step.value);
    const after = { ...known, worst, resolvedAt: change === 'resolved' ? now : undefined };
    if (change === 'resolved' || worst !== known.worst) await alerts.saveAlert(after);
    if (change === 'resolved') this.#ports.log.info({ rule: rule.id }, `alert resolved: ${rule.name}`);
    return after;
  }

  async #tell(alerts: AlertTransaction, alert: Alert, now: number): Promise<boolean> {
    const silences = await alerts.silences();
    const isOver = alert.resolvedAt !== undefined && alert.toldAt !== undefined;
    const kind = isOver && !isSilenced(silences, alert.rule.id, now) ? 'resolved' : dueNotice(alert, silences, now);
    if (kind === undefined) return false;
    await alerts.saveAlert({ ...alert, toldAt: now });
    const on = (await alerts.channels()).filter(({ enabled }) => enabled).map(({ id }) => id);
    const all = [...this.#ports.fixedChannels, ...on];
    const { channels } = alert.rule;
    for (const channelId of channels.length === 0 ? all : all.filter((id) => channels.includes(id))) {
      await alerts.saveDelivery(newDelivery(this.#ports.ids, { alertId: alert.id, channelId, kind, now }));
    }
    return true;
  }
}

export function newDelivery(
  ids: IdSource,
  about: {
    readonly alertId: string | undefined;
    readonly channelId: string;
    readonly kind: NoticeKind;
    readonly now: number;
  },
): AlertDelivery {
  const { alertId, channelId, kind, now } = about;
  const start = { state: 'pending', createdAt: now, nextAt: now, attempts: 0, problem: undefined } as const;
  return { id: `notice_${ids.next()}`, alertId, channelId, kind, ...start };
}

/** The defaults as they were changed, then the rules that somebody made, by name. */
export async function allRules(reader: Pick<AlertReader, 'rules'>): Promise<readonly AlertRule[]> {
  const stored = new Map((await reader.rules()).map((rule) => [rule.id, rule]));
  const defaults = defaultRules.map((rule) => stored.get(rule.id) ?? rule);
  const own = [...stored.values()].filter(({ id }) => !defaultRules.some((rule) => rule.id === id));
  return [...defaults, ...own.sort((a, b) => a.name.localeCompare(b.name))];
}

const LEASE = 'alerts';
const LEASE_MS = 15_000;
const FRESH_MS = 30_000;
const KEEP_ALERTS_MS = 90 * 86_400_000;
