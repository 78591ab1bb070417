import { differences } from '../domain/access/audit.ts';
import type { Alert, AlertChannel, AlertDelivery, Silence } from '../domain/alerting/alert.ts';
import type { RuleState } from '../domain/alerting/evaluate-rule.ts';
import { type AlertRule, defaultRules, ruleProblem } from '../domain/alerting/rule.ts';
import { AppError } from '../domain/errors.ts';
import { DEFAULT_TENANT } from '../domain/ids.ts';
import type { AlertQuery, AlertSender } from './alert-ports.ts';
import type { Clock, IdSource, Store, StoreTransaction } from './ports.ts';
import { allRules, newDelivery } from './watch-alerts.ts';
import { type Act, type Deed, writeAudit } from './write-audit.ts';

export interface ManageAlertsPorts {
  readonly store: Pick<Store, 'alerts' | 'transact'>;
  readonly sender: Pick<AlertSender, 'problemOf'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Channels that the settings make; they cannot be changed here. */
  readonly fixedChannels: readonly AlertChannel[];
  readonly wake: () => void;
}

/** A rule with where it stands. */
export interface RuleRecord {
  readonly rule: AlertRule;
  readonly state: RuleState;
  /** Whether it is one of the defaults. */
  readonly isDefault: boolean;
}

export type RuleChange = Partial<Omit<AlertRule, 'id'>>;
export type ChannelSettings = Pick<AlertChannel, 'name' | 'kind' | 'to' | 'url' | 'secret' | 'language' | 'enabled'>;

/** Alerts of the installation. Every change is in the audit log, in the same transaction, without secrets. */
export interface ManageAlerts {
  alerts(query: AlertQuery): Promise<readonly Alert[]>;
  /** @throws AppError `alert_not_found`, as the next */
  alert(id: string): Promise<{ readonly alert: Alert; readonly deliveries: readonly AlertDelivery[] }>;
  acknowledge(act: Act, id: string, comment: string): Promise<Alert>;
  rules(): Promise<readonly RuleRecord[]>;
  /** @throws AppError `validation_failed` when it could never be resolved, or names a channel that is not there */
  addRule(act: Act, rule: Omit<AlertRule, 'id'>): Promise<RuleRecord>;
  /** @throws AppError `alert_rule_not_found`, `validation_failed` */
  changeRule(act: Act, id: string, change: RuleChange): Promise<RuleRecord>;
  /** Deletes a rule; a default is as it was again. @throws AppError `alert_rule_not_found` */
  removeRule(act: Act, id: string): Promise<void>;
  channels(): Promise<readonly AlertChannel[]>;
  /** @throws AppError `validation_failed` for an address that may not be called */
  addChannel(act: Act, settings: ChannelSettings): Promise<AlertChannel>;
  /** @throws AppError `alert_channel_not_found`, as the next */
  removeChannel(act: Act, id: string): Promise<void>;
  /** Sends a test. */
  testChannel(act: Act, id: string): Promise<AlertDelivery>;
  /** @throws AppError `alert_channel_not_found` */
  delivery(id: string): Promise<AlertDelivery>;
  silences(): Promise<readonly Silence[]>;
  /** @throws AppError `alert_rule_not_found` */
  silence(act: Act, wanted: Pick<Silence, 'ruleId' | 'until' | 'comment'>): Promise<Silence>;
  /** @throws AppError `alert_silence_not_found` */
  unsilence(act: Act, id: string): Promise<void>;
}

export function createManageAlerts(ports: ManageAlertsPorts): ManageAlerts {
  return { ...history(ports), ...rules(ports), ...channels(ports), ...silences(ports) };
}

function history(ports: ManageAlertsPorts): Pick<ManageAlerts, 'alerts' | 'alert' | 'acknowledge'> {
  const { store, clock } = ports;
  return {
    alerts: (query) => store.alerts.alerts(query),
    async alert(id) {
      const alert = found(await store.alerts.findAlert(id), 'alert_not_found', id);
      return { alert, deliveries: await store.alerts.deliveries(id) };
    },
    acknowledge: (act, id, comment) =>
      store.transact(async (transaction) => {
        const before = found(await transaction.alerts.findAlert(id), 'alert_not_found', id);
        if (before.acknowledged !== undefined) return before;
        const alert = { ...before, acknowledged: { at: clock.now(), by: act.caller.name, comment } };
        await transaction.alerts.saveAlert(alert);
        await note(ports, transaction, act, { action: 'alert.acknowledged', target: id, after: { comment } });
        return alert;
      }),
  };
}

function rules(ports: ManageAlertsPorts): Pick<ManageAlerts, 'rules' | 'addRule' | 'changeRule' | 'removeRule'> {
  const { store, ids } = ports;
  return {
    async rules() {
      const states = await store.alerts.states();
      return (await allRules(store.alerts)).map((rule) => recordOf(rule, states.get(rule.id)));
    },
    addRule: (act, fields) =>
      store.transact(async (transaction) => {
        const rule = { ...fields, id: `rule_${ids.next()}` };
        await requireSound(ports, transaction, rule);
        if ((await transaction.alerts.rules()).length >= MOST) throw tooMany('rules');
        await transaction.alerts.saveRule(rule);
        await note(ports, transaction, act, { action: 'alert_rule.created', target: rule.id, after: { ...rule } });
        return recordOf(rule, undefined);
      }),
    changeRule: (act, id, change) =>
      store.transact(async (transaction) => {
        const before = found(
          (await allRules(transaction.alerts)).find((rule) => rule.id === id),
          'alert_rule_not_found',
          id,
        );
        const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
        // A threshold alone takes the clear threshold along, as far as it has to.
        const moved: AlertRule = { ...before, ...given };
        const rule =
          change.threshold !== undefined && change.clearThreshold === undefined && ruleProblem(moved) !== undefined
            ? { ...moved, clearThreshold: moved.threshold }
            : moved;
        await requireSound(ports, transaction, rule);
        await transaction.alerts.saveRule(rule);
        const deed = { action: 'alert_rule.changed', target: id, ...differences({ ...before }, { ...rule }) };
        await note(ports, transaction, act, deed);
        return recordOf(rule, (await transaction.alerts.states()).get(id));
      }),
    removeRule: (act, id) =>
      store.transact(async (transaction) => {
        const isDefault = defaultRules.some((rule) => rule.id === id);
        const isRemoved = await transaction.alerts.removeRule(id);
        if (!isRemoved && !isDefault) throw notFound('alert_rule_not_found', id);
        if (isRemoved) await note(ports, transaction, act, { action: 'alert_rule.deleted', target: id });
      }),
  };
}

function channels(
  ports: ManageAlertsPorts,
): Pick<ManageAlerts, 'channels' | 'addChannel' | 'removeChannel' | 'testChannel' | 'delivery'> {
  const { store, clock, ids, sender, fixedChannels, wake } = ports;
  const all = async (): Promise<readonly AlertChannel[]> => [...fixedChannels, ...(await store.alerts.channels())];
  return {
    channels: all,
    async addChannel(act, settings) {
      const channel: AlertChannel = { ...settings, id: `channel_${ids.next()}`, createdAt: clock.now() };
      const problem = sender.problemOf(channel);
      if (problem !== undefined) throw invalid(channel.kind === 'mail' ? 'to' : 'url', problem);
      await store.transact(async (transaction) => {
        if ((await transaction.alerts.channels()).length >= MOST) throw tooMany('channels');
        await transaction.alerts.saveChannel(channel);
        const { name, kind } = channel;
        await note(ports, transaction, act, {
          action: 'alert_channel.created',
          target: channel.id,
          after: { name, kind },
        });
      });
      return channel;
    },
    removeChannel: (act, id) =>
      store.transact(async (transaction) => {
        if (!(await transaction.alerts.removeChannel(id))) throw notFound('alert_channel_not_found', id);
        await note(ports, transaction, act, { action: 'alert_channel.deleted', target: id });
      }),
    async testChannel(act, id) {
      found(
        (await all()).find((channel) => channel.id === id),
        'alert_channel_not_found',
        id,
      );
      const delivery = newDelivery(ids, { alertId: undefined, channelId: id, kind: 'test', now: clock.now() });
      await store.transact(async (transaction) => {
        await transaction.alerts.saveDelivery(delivery);
        await note(ports, transaction, act, { action: 'alert_channel.tested', target: id });
      });
      wake();
      return delivery;
    },
    async delivery(id) {
      return found(await store.alerts.findDelivery(id), 'alert_channel_not_found', id);
    },
  };
}

function silences(ports: ManageAlertsPorts): Pick<ManageAlerts, 'silences' | 'silence' | 'unsilence'> {
  const { store, clock, ids } = ports;
  return {
    async silences() {
      const now = clock.now();
      return (await store.alerts.silences()).filter(({ until }) => until > now);
    },
    silence: (act, { ruleId, until, comment }) =>
      store.transact(async (transaction) => {
        const known = await allRules(transaction.alerts);
        if (ruleId !== undefined && !known.some((rule) => rule.id === ruleId))
          throw notFound('alert_rule_not_found', ruleId);
        if ((await transaction.alerts.silences()).length >= MOST) throw tooMany('silences');
        const about = { createdAt: clock.now(), by: act.caller.name, until, comment };
        const silence: Silence = { id: `silence_${ids.next()}`, ruleId, ...about };
        await transaction.alerts.saveSilence(silence);
        const after = { until, comment };
        await note(ports, transaction, act, { action: 'alert.silenced', target: ruleId ?? '*', after });
        return silence;
      }),
    unsilence: (act, id) =>
      store.transact(async (transaction) => {
        if (!(await transaction.alerts.removeSilence(id))) throw notFound('alert_silence_not_found', id);
        await note(ports, transaction, act, { action: 'alert.unsilenced', target: id });
      }),
  };
}

function recordOf(rule: AlertRule, state: RuleState = { phase: 'ok' }): RuleRecord {
  return { rule, state, isDefault: defaultRules.some(({ id }) => id === rule.id) };
}

async function requireSound(
  { fixedChannels }: ManageAlertsPorts,
  { alerts }: StoreTransaction,
  rule: AlertRule,
): Promise<void> {
  const problem = ruleProblem(rule);
  if (problem !== undefined) throw invalid('clearThreshold', problem);
  // The channel of the mail settings may be named before they are made.
  const known = new Set([
    'mail',
    ...fixedChannels.map(({ id }) => id),
    ...(await alerts.channels()).map(({ id }) => id),
  ]);
  const missing = rule.channels.find((id) => !known.has(id));
  if (missing !== undefined) throw invalid('channels', `There is no channel ${missing}.`);
}

function note(
  ports: ManageAlertsPorts,
  { access }: StoreTransaction,
  act: Act,
  deed: Omit<Deed, 'tenantId'>,
): Promise<void> {
  return writeAudit(access, ports, act, { ...deed, tenantId: DEFAULT_TENANT });
}

function found<T>(value: T | undefined, code: NotFound, id: string): T {
  if (value === undefined) throw notFound(code, id);
  return value;
}

type NotFound = 'alert_not_found' | 'alert_rule_not_found' | 'alert_channel_not_found' | 'alert_silence_not_found';

function notFound(code: NotFound, id: string): AppError {
  return new AppError(code, `There is no ${id}.`, { details: { id } });
}

function invalid(field: string, message: string): AppError {
  const fields = [{ field, code: 'invalid_value' as const, message, expected: 'see the message' }];
  return new AppError('validation_failed', message, { fields });
}

function tooMany(what: string): AppError {
  return new AppError('alert_limit_reached', `There are ${MOST} ${what} already, which is the most.`, {
    details: { limit: MOST },
  });
}

/** Rules, channels and silences of their kind. */
const MOST = 100;
