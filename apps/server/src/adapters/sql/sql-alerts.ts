import { type Kysely, type Selectable, sql } from 'kysely';
import type { AlertQuery, AlertReader, AlertTransaction } from '../../application/alert-ports.ts';
import type { Alert, AlertChannel, AlertDelivery, Silence } from '../../domain/alerting/alert.ts';
import type { RuleState } from '../../domain/alerting/evaluate-rule.ts';
import type { HistoryPoint } from '../../domain/alerting/history.ts';
import type { AlertRule } from '../../domain/alerting/rule.ts';
import type { ProcessSample } from '../../domain/alerting/sample.ts';
import type { AlertDeliveriesTable, AlertDocumentsTable } from './alert-tables.ts';
import type { Tables } from './schema.ts';

/** Questions about alerts. */
export class SqlAlertReader implements AlertReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  rules(): Promise<readonly AlertRule[]> {
    return this.#documents<AlertRule>('rule');
  }

  channels(): Promise<readonly AlertChannel[]> {
    return this.#documents<AlertChannel>('channel');
  }

  silences(): Promise<readonly Silence[]> {
    return this.#documents<Silence>('silence');
  }

  async states(): Promise<ReadonlyMap<string, RuleState>> {
    const rows = await this.queries.selectFrom('alert_documents').selectAll().where('kind', '=', 'state').execute();
    return new Map(rows.map(({ id, data }) => [id, JSON.parse(data) as RuleState]));
  }

  async alerts({ limit, after, state }: AlertQuery): Promise<readonly Alert[]> {
    let select = this.queries.selectFrom('alerts').select('data');
    if (after !== undefined) select = select.where('id', '<', after);
    if (state !== undefined) select = select.where('resolved_at', state === 'firing' ? 'is' : 'is not', null);
    const rows = await select.orderBy('id', 'desc').limit(limit).execute();
    return rows.map(({ data }) => JSON.parse(data) as Alert);
  }

  async findAlert(id: string): Promise<Alert | undefined> {
    const row = await this.queries.selectFrom('alerts').select('data').where('id', '=', id).executeTakeFirst();
    return row && (JSON.parse(row.data) as Alert);
  }

  async deliveries(alertId: string): Promise<readonly AlertDelivery[]> {
    const select = this.queries.selectFrom('alert_deliveries').selectAll().where('alert_id', '=', alertId);
    return (await select.orderBy('id').limit(MOST).execute()).map(deliveryFromRow);
  }

  async findDelivery(id: string): Promise<AlertDelivery | undefined> {
    const select = this.queries.selectFrom('alert_deliveries').selectAll().where('id', '=', id);
    const row = await select.executeTakeFirst();
    return row && deliveryFromRow(row);
  }

  async samples(since: number): Promise<readonly ProcessSample[]> {
    const select = this.queries.selectFrom('process_samples').select('data').where('at', '>', since);
    return (await select.orderBy('at').execute()).map(({ data }) => JSON.parse(data) as ProcessSample);
  }

  async history(since: number): Promise<readonly HistoryPoint[]> {
    const select = this.queries.selectFrom('history').selectAll().where('at', '>=', since);
    return (await select.orderBy('at').execute()).map(({ at, data }) => ({
      ...(JSON.parse(data) as HistoryPoint),
      at,
    }));
  }

  async #documents<T>(kind: AlertDocumentsTable['kind']): Promise<readonly T[]> {
    const select = this.queries.selectFrom('alert_documents').select('data').where('kind', '=', kind);
    return (await select.orderBy('id').execute()).map(({ data }) => JSON.parse(data) as T);
  }
}

export class SqlAlerts extends SqlAlertReader implements AlertTransaction {
  saveRule(rule: AlertRule): Promise<void> {
    return this.#save('rule', rule.id, rule);
  }

  async removeRule(id: string): Promise<boolean> {
    await this.#remove('state', id);
    return this.#remove('rule', id);
  }

  saveChannel(channel: AlertChannel): Promise<void> {
    return this.#save('channel', channel.id, channel);
  }

  removeChannel(id: string): Promise<boolean> {
    return this.#remove('channel', id);
  }

  saveSilence(silence: Silence): Promise<void> {
    return this.#save('silence', silence.id, silence);
  }

  removeSilence(id: string): Promise<boolean> {
    return this.#remove('silence', id);
  }

  saveState(ruleId: string, state: RuleState): Promise<void> {
    return this.#save('state', ruleId, state);
  }

  async saveAlert(alert: Alert): Promise<void> {
    const { id, firedAt: fired_at, resolvedAt = null } = alert;
    const row = { id, fired_at, resolved_at: resolvedAt, data: JSON.stringify(alert) };
    await this.queries
      .insertInto('alerts')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ resolved_at: row.resolved_at, data: row.data }))
      .execute();
  }

  async saveDelivery(delivery: AlertDelivery): Promise<void> {
    const { state, nextAt: next_at, attempts, problem = null } = delivery;
    const { id, alertId: alert_id = null, channelId: channel_id, kind, createdAt: created_at } = delivery;
    const changes = { state, next_at, attempts, problem: problem?.slice(0, 1_000) ?? null };
    await this.queries
      .insertInto('alert_deliveries')
      .values({ id, alert_id, channel_id, kind, created_at, ...changes })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(changes))
      .execute();
  }

  async claimDeliveries({
    now,
    until,
    limit,
  }: Parameters<AlertTransaction['claimDeliveries']>[0]): Promise<readonly AlertDelivery[]> {
    const rows = await this.queries
      .selectFrom('alert_deliveries')
      .selectAll()
      .where(sql.ref('state'), '=', sql.lit('pending'))
      .where('next_at', '<=', now)
      .orderBy('next_at')
      .limit(limit)
      .execute();
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0)
      await this.queries.updateTable('alert_deliveries').set({ next_at: until }).where('id', 'in', ids).execute();
    return rows.map(deliveryFromRow);
  }

  async addSample(sample: ProcessSample): Promise<void> {
    const { processId: process_id, at } = sample;
    const row = { process_id, at, data: JSON.stringify(sample) };
    await this.queries
      .insertInto('process_samples')
      .values(row)
      .onConflict((conflict) => conflict.columns(['at', 'process_id']).doUpdateSet({ data: row.data }))
      .execute();
  }

  async addHistory({ at, ...rest }: HistoryPoint): Promise<void> {
    await this.queries
      .insertInto('history')
      .values({ at, data: JSON.stringify(rest) })
      .onConflict((conflict) => conflict.column('at').doNothing())
      .execute();
  }

  /** One holder at a time: the row changes only for its holder, or once its time is over. */
  async takeLease({ name, holder, now, until }: Parameters<AlertTransaction['takeLease']>[0]): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.queries
      .insertInto('leases')
      .values({ name, holder, expires_at: until })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ holder, expires_at: until })
          .where(({ or, eb }) => or([eb('leases.holder', '=', holder), eb('leases.expires_at', '<=', now)])),
      )
      .executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async giveLeaseBack(name: string, holder: string): Promise<void> {
    const remove = this.queries.deleteFrom('leases').where('name', '=', name);
    await remove.where('holder', '=', holder).execute();
  }

  async forget({ samples, history, alerts, now }: Parameters<AlertTransaction['forget']>[0]): Promise<void> {
    await this.queries.deleteFrom('process_samples').where('at', '<=', samples).execute();
    await this.queries.deleteFrom('history').where('at', '<', history).execute();
    for (const silence of await this.silences()) if (silence.until <= now) await this.removeSilence(silence.id);
    const old = await this.queries
      .selectFrom('alerts')
      .select('id')
      .where('resolved_at', '<', alerts)
      .limit(MOST)
      .execute();
    const ids = old.map(({ id }) => id);
    await this.queries
      .deleteFrom('alert_deliveries')
      .where('alert_id', 'is', null)
      .where('created_at', '<', alerts)
      .execute();
    if (ids.length === 0) return;
    await this.queries.deleteFrom('alert_deliveries').where('alert_id', 'in', ids).execute();
    await this.queries.deleteFrom('alerts').where('id', 'in', ids).execute();
  }

  async #save(kind: AlertDocumentsTable['kind'], id: string, document: object): Promise<void> {
    const data = JSON.stringify(document);
    await this.queries
      .insertInto('alert_documents')
      .values({ kind, id, data })
      .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet({ data }))
      .execute();
  }

  async #remove(kind: AlertDocumentsTable['kind'], id: string): Promise<boolean> {
    const remove = this.queries.deleteFrom('alert_documents').where('kind', '=', kind).where('id', '=', id);
    const { numDeletedRows } = await remove.executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

function deliveryFromRow(row: Selectable<AlertDeliveriesTable>): AlertDelivery {
  return {
    id: row.id,
    alertId: row.alert_id ?? undefined,
    channelId: row.channel_id,
    kind: row.kind as AlertDelivery['kind'],
    state: row.state as AlertDelivery['state'],
    createdAt: row.created_at,
    nextAt: row.next_at,
    attempts: row.attempts,
    problem: row.problem ?? undefined,
  };
}

/** Rows of one answer that nobody pages through. */
const MOST = 1_000;
