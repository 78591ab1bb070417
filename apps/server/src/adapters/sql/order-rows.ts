import type { Selectable } from 'kysely';
import { THE_MACHINE } from '../../domain/access/caller.ts';
import { fileId, generationId, keyId, orderId, tenantId } from '../../domain/ids.ts';
import type { FilePurpose, KeptFile } from '../../domain/kept-file.ts';
import { hasEnded, type Order, type OrderEnd, type OrderLine, type OrderState } from '../../domain/order.ts';
import type { KeptFilesTable, OrderLinesTable, OrdersTable } from './order-tables.ts';

export function fileFromRow(row: Selectable<KeptFilesTable>): KeptFile {
  return {
    id: fileId(row.id),
    tenantId: tenantId(row.tenant_id),
    keyId: row.key_id === null ? undefined : keyId(row.key_id),
    name: row.name,
    purpose: row.purpose as FilePurpose,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

export function fileToRow(file: KeptFile): KeptFilesTable {
  return {
    id: file.id,
    tenant_id: file.tenantId,
    key_id: file.keyId ?? null,
    name: file.name,
    purpose: file.purpose,
    size_bytes: file.sizeBytes,
    created_at: file.createdAt,
    expires_at: file.expiresAt,
  };
}

export function orderFromRow(row: Selectable<OrdersTable>): Order {
  return {
    id: orderId(row.id),
    tenantId: tenantId(row.tenant_id),
    keyId: row.key_id === null ? undefined : keyId(row.key_id),
    askedBy: row.asked_by,
    endpoint: row.endpoint,
    inputFileId: fileId(row.input_file_id),
    window: row.window_text,
    metadata: JSON.parse(row.metadata) as Order['metadata'],
    keepOutputMs: row.keep_output_ms ?? undefined,
    origin: row.origin,
    state: row.state as OrderState,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    times: JSON.parse(row.times) as Order['times'],
    counts: { total: row.total, completed: row.completed, failed: row.failed },
    errors: JSON.parse(row.errors) as Order['errors'],
    end: (row.end_state as OrderEnd | null) ?? undefined,
    outputFileId: row.output_file_id === null ? undefined : fileId(row.output_file_id),
    errorFileId: row.error_file_id === null ? undefined : fileId(row.error_file_id),
    usage: row.usage === null ? undefined : (JSON.parse(row.usage) as Order['usage']),
  };
}

export function orderToRow(order: Order): OrdersTable {
  return {
    id: order.id,
    tenant_id: order.tenantId,
    key_id: order.keyId ?? null,
    asked_by: order.askedBy ?? THE_MACHINE,
    endpoint: order.endpoint,
    input_file_id: order.inputFileId,
    window_text: order.window,
    metadata: JSON.stringify(order.metadata),
    keep_output_ms: order.keepOutputMs ?? null,
    origin: order.origin,
    state: order.state,
    ended: hasEnded(order) ? 1 : 0,
    created_at: order.createdAt,
    expires_at: order.expiresAt,
    times: JSON.stringify(order.times),
    ...order.counts,
    errors: JSON.stringify(order.errors),
    end_state: order.end ?? null,
    output_file_id: order.outputFileId ?? null,
    error_file_id: order.errorFileId ?? null,
    usage: order.usage === undefined ? null : JSON.stringify(order.usage),
  };
}

export function lineFromRow(row: Selectable<OrderLinesTable>): OrderLine {
  return {
    orderId: orderId(row.order_id),
    tenantId: tenantId(row.tenant_id),
    line: row.line,
    state: row.state as OrderLine['state'],
    generationId: row.generation_id === null ? undefined : generationId(row.generation_id),
    refusal: row.refusal === null ? undefined : (JSON.parse(row.refusal) as OrderLine['refusal']),
  };
}

export function lineToRow(line: OrderLine): OrderLinesTable {
  return {
    order_id: line.orderId,
    line: line.line,
    tenant_id: line.tenantId,
    state: line.state,
    generation_id: line.generationId ?? null,
    refusal: line.refusal === undefined ? null : JSON.stringify(line.refusal),
  };
}
