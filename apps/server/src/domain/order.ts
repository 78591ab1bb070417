/**
 * Requests that were handed in as a file, one a line, to be answered in a file: what OpenAI calls a batch.
 *
 * ```
 * validating ─┬─ in_progress ─┬──────────────── finalizing ── completed
 *             │               ├─ expiring ───── finalizing ── expired
 *             │               └─ cancelling ─── finalizing ── cancelled
 *             └─ failed, expired or cancelled at once
 * ```
 */
import type { FileId, GenerationId, KeyId, OrderId, TenantId } from './ids.ts';

export type OrderState = 'validating' | 'in_progress' | 'expiring' | 'cancelling' | 'finalizing' | OrderEnd | 'failed';
export type OrderEnd = 'completed' | 'expired' | 'cancelled';

/** A line that cannot be read, or what is wrong with the file as a whole. */
export interface OrderError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  /** From 1; null for the whole file. */
  readonly line: number | null;
}

/** Work of the answers, in the units of the door: see `Usage` there. */
export interface OrderUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** When it reached a state, in ms since 1970. */
export type OrderTimes = { readonly [State in OrderState]?: number };

export interface Order {
  readonly id: OrderId;
  readonly tenantId: TenantId;
  readonly keyId: KeyId | undefined;
  /** As `askerIdOf` tells it. @default the machine itself */
  readonly askedBy?: string | undefined;
  /** Path of the route that each line is for. */
  readonly endpoint: string;
  readonly inputFileId: FileId;
  /** As the client wrote it: `24h`. */
  readonly window: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** How long its answers are kept; the setting of the server where undefined. */
  readonly keepOutputMs: number | undefined;
  /** Where the client reached the server; addresses of pictures begin with it. */
  readonly origin: string;
  readonly state: OrderState;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly times: OrderTimes;
  readonly counts: OrderCounts;
  readonly errors: readonly OrderError[];
  /** What it ends as once its files are written. */
  readonly end: OrderEnd | undefined;
  readonly outputFileId: FileId | undefined;
  readonly errorFileId: FileId | undefined;
  readonly usage: OrderUsage | undefined;
}

export interface OrderCounts {
  /** Lines; 0 until all were read. */
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
}

/** The answer to a line that did not become a generation. */
export interface Refusal {
  readonly status: number;
  readonly body: unknown;
}

/** A line that was taken in. */
export interface OrderLine {
  readonly orderId: OrderId;
  readonly tenantId: TenantId;
  readonly line: number;
  readonly state: 'open' | 'completed' | 'failed';
  readonly generationId: GenerationId | undefined;
  readonly refusal: Refusal | undefined;
}

export const MAX_LINES = 50_000;

export function hasEnded({ state }: Pick<Order, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'expired' || state === 'cancelled';
}

/** `24h`, `90m` or `7d` in ms, from a minute to 14 days; undefined for anything else. */
export function windowMs(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const ms = Number(count) * (unit === 'm' ? 60_000 : unit === 'h' ? 3_600_000 : 86_400_000);
  return ms <= MAX_WINDOW_MS ? ms : undefined;
}

const MAX_WINDOW_MS = 14 * 86_400_000;
