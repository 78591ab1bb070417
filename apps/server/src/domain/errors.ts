/** Codes that the server itself throws; `docs/errors.md` explains each. */
export type AppErrorCode =
  | 'malformed_request'
  | 'validation_failed'
  | 'generation_not_found'
  | 'job_not_found'
  | 'asset_not_found'
  | 'asset_link_invalid'
  | 'asset_link_expired'
  | 'already_final'
  | 'not_redrivable'
  | 'idempotency_key_reused'
  | 'unauthorized'
  | 'forbidden'
  | 'cross_origin_refused'
  | 'tenant_disabled'
  | 'tenant_protected'
  | 'tenant_in_use'
  | 'tenant_not_found'
  | 'tenant_exists'
  | 'key_not_found'
  | 'key_not_active'
  | 'member_not_found'
  | 'member_exists'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'budget_exceeded'
  | 'lora_not_found'
  | 'lora_rejected'
  | 'lora_exists'
  | 'lora_protected'
  | 'lora_unavailable'
  | 'upload_too_large'
  | 'bulk_not_found'
  | 'bulk_file_invalid'
  | 'file_not_found'
  | 'file_in_use'
  | 'batch_not_found'
  | 'webhook_not_found'
  | 'webhook_limit_reached'
  | 'delivery_not_found'
  | 'picture_rejected'
  | 'review_not_found'
  | 'review_decided'
  | 'engine_unavailable'
  | 'shutting_down'
  | 'disk_full'
  | 'storage_failed'
  | 'database_unavailable'
  | 'site_fenced'
  | 'storage_unreachable'
  | 'storage_bucket_missing'
  | 'storage_access_denied'
  | 'storage_clock_wrong'
  | 'carrier_unavailable'
  | 'model_gone'
  | 'model_not_found'
  | 'model_in_use'
  | 'model_busy'
  | 'model_activity_not_found'
  | 'alert_not_found'
  | 'alert_rule_not_found'
  | 'alert_channel_not_found'
  | 'alert_silence_not_found'
  | 'alert_limit_reached'
  | 'internal_error';

/** Kinds of faults of a field; the API documents the same. */
export type FieldFaultCode =
  | 'required'
  | 'unknown_field'
  | 'wrong_type'
  | 'not_an_integer'
  | 'too_small'
  | 'too_big'
  | 'too_short'
  | 'too_long'
  | 'blank'
  | 'invalid_character'
  | 'invalid_value'
  | 'not_a_multiple'
  | 'too_many_pixels'
  | 'too_many_pictures'
  | 'unknown_model'
  | 'unknown_lora'
  | 'lora_incompatible'
  | 'unknown_asset';

/** One field of a request that was refused. */
export interface FieldFault {
  readonly field: string;
  readonly code: FieldFaultCode;
  readonly message: string;
  readonly got?: string | undefined;
  readonly expected: string;
}

export interface AppErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  /** For `validation_failed`: every field that was refused. */
  readonly fields?: readonly FieldFault[];
  readonly cause?: unknown;
}

/** The one error class of the server: a stable code, a sentence for people, and the facts behind it. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: AppErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly fields: readonly FieldFault[];

  constructor(code: AppErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.fields = options.fields ?? [];
  }
}

/** Whether records or pictures could not be written or read for now, by no fault of a request. */
export function isStorageFault(error: unknown): error is AppError {
  return error instanceof AppError && storageCodes.has(error.code);
}

/** Whether the records cannot be written by this process for now, whatever is written. */
export function isAway(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'database_unavailable' || error.code === 'site_fenced');
}

/** Codes of faults that `isStorageFault` knows. */
export const storageCodes: ReadonlySet<AppErrorCode> = new Set<AppErrorCode>([
  'disk_full',
  'storage_failed',
  'database_unavailable',
  'site_fenced',
  'storage_unreachable',
  'storage_bucket_missing',
  'storage_access_denied',
  'storage_clock_wrong',
  'lora_unavailable',
]);

/** Ends what runs when something that cannot be is: a fault of the program, not of its input. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AppError('internal_error', `Broken invariant: ${why}.`);
}
