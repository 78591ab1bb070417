import { askerIdOf } from '../domain/access/caller.ts';
import { AppError } from '../domain/errors.ts';
import { type FileId, type OrderId, orderId, type TenantId } from '../domain/ids.ts';
import { hasEnded, type Order, type OrderState, windowMs } from '../domain/order.ts';
import { fileNotFound } from './manage-files.ts';
import type { Clock, IdSource, Store } from './ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageOrdersPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Begins to work on it, or tells whoever does that its state has changed. */
  readonly wake: (order: Order) => void;
}

export interface NewOrder extends Pick<Order, 'endpoint' | 'window' | 'metadata' | 'keepOutputMs' | 'origin'> {
  readonly inputFileId: FileId;
}

interface OrderOf {
  readonly tenantId: TenantId;
  readonly id: OrderId;
}

export interface ManageOrders {
  /** @throws AppError `validation_failed` for the window or the purpose of the file, `file_not_found`, `quota_exceeded` */
  create(act: Act, input: NewOrder): Promise<Order>;
  /** @throws AppError `batch_not_found` */
  get(which: OrderOf): Promise<Order>;
  list(query: { tenantId: TenantId; limit: number; after?: OrderId | undefined }): Promise<readonly Order[]>;
  /** Takes no more lines in and cancels what has not ended. @throws AppError `batch_not_found`, `already_final` */
  cancel(act: Act, id: OrderId): Promise<Order>;
}

export function createManageOrders(ports: ManageOrdersPorts): ManageOrders {
  const { store, clock, ids } = ports;
  const get = async ({ tenantId, id }: OrderOf): Promise<Order> => {
    const order = await store.orders.find(tenantId, id);
    if (order !== undefined) return order;
    throw new AppError('batch_not_found', `There is no batch ${JSON.stringify(id)}.`, { details: { id } });
  };
  return {
    async create(act, input) {
      const length = windowMs(input.window);
      if (length === undefined) throw refused('completion_window', input.window, '24h, or up to 14d in m, h or d');
      const createdAt = clock.now();
      const { tenantId, keyId } = act.caller;
      const order: Order = {
        ...input,
        ...{ tenantId, keyId, askedBy: askerIdOf(act.caller) },
        ...{ id: orderId(`batch_${ids.next()}`), state: 'validating', createdAt, expiresAt: createdAt + length },
        ...{ times: {}, counts: { total: 0, completed: 0, failed: 0 }, errors: [], end: undefined },
        ...{ outputFileId: undefined, errorFileId: undefined, usage: undefined },
      };
      const { inputFileId, endpoint, window } = input;
      await store.transact(async ({ orders, access }) => {
        const file = await orders.findFile(tenantId, inputFileId);
        if (file === undefined || file.expiresAt <= createdAt) throw fileNotFound(inputFileId);
        if (file.purpose !== 'batch') {
          throw refused('input_file_id', inputFileId, 'the id of a file that was uploaded with the purpose batch');
        }
        const open = await orders.countUnfinished(tenantId);
        if (open >= MAX_UNFINISHED) {
          const message = `${open} batches of ${tenantId} have not ended; more are not accepted before one has.`;
          throw new AppError('quota_exceeded', message, { details: { quota: 'batches', limit: MAX_UNFINISHED } });
        }
        await orders.save(order);
        const deed = { action: 'batch.created', target: order.id, tenantId, after: { inputFileId, endpoint, window } };
        await writeAudit(access, ports, act, deed);
      });
      ports.wake(order);
      return order;
    },
    get,
    list: (query) => store.orders.list(query),
    async cancel(act, id) {
      const which = { tenantId: act.caller.tenantId, id };
      const order = await get(which);
      const now = clock.now();
      const isMoved = await store.transact(async ({ orders, access }) => {
        for (const from of CANCELLABLE) {
          if (!(await orders.move(order.id, from, 'cancelling', now))) continue;
          const deed = { action: 'batch.cancelled', target: id, tenantId: order.tenantId, ...changed(from) };
          await writeAudit(access, ports, act, deed);
          return true;
        }
        return false;
      });
      const after = await get(which);
      if (isMoved) ports.wake(after);
      else if (after.state !== 'cancelling' && after.end !== 'cancelled') throw tooLate(after);
      return after;
    },
  };
}

function changed(from: OrderState) {
  return { before: { state: from }, after: { state: 'cancelling' } };
}

function tooLate(order: Order): AppError {
  const { id, state } = order;
  const message = hasEnded(order) ? `The batch ${id} has ended already: ${state}.` : `The batch ${id} is ending.`;
  return new AppError('already_final', message, { details: { state } });
}

function refused(field: string, got: string, expected: string): AppError {
  const message = `${field} must be ${expected}, but is ${JSON.stringify(got.slice(0, 100))}.`;
  const fault = { field, code: 'invalid_value' as const, message, got: got.slice(0, 100), expected };
  return new AppError('validation_failed', message, { fields: [fault] });
}

const CANCELLABLE: readonly OrderState[] = ['validating', 'in_progress'];
/** Of one tenant. */
const MAX_UNFINISHED = 100;
