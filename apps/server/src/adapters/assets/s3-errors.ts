import { AppError, type AppErrorCode } from '../../domain/errors.ts';

/** What an S3 service answered that is no success. */
export interface S3Refusal {
  readonly status: number;
  /** The service's own code (`NoSuchBucket`); undefined where an answer has no body, as to HEAD. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** The service's Date header. */
  readonly date: string | null;
}

/** Where the service is and what it was asked: part of every message, and nothing in it is secret. */
export interface S3Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** A refusal as one of our codes, with a sentence that says what to look at. */
export function refusalError(refusal: S3Refusal, place: S3Place, now: number): AppError {
  const { status, code: serviceCode, message: serviceMessage } = refusal;
  const code = codeOf(refusal);
  const said = [serviceCode ?? `HTTP ${status}`, serviceMessage].filter(Boolean).join(': ');
  const details = { endpoint: place.endpoint, bucket: place.bucket, status, serviceCode };
  return new AppError(code, `${sentenceOf(code, place, refusal, now)} The service said: ${said}.`, { details });
}

/** No answer at all: refused, timed out, name not found, broken TLS. */
export function unreachableError(cause: unknown, { endpoint, bucket }: S3Place): AppError {
  const reason = reasonOf(cause);
  const message = `The S3 service at ${endpoint} cannot be reached (${reason}).`;
  return new AppError('storage_unreachable', message, { details: { endpoint, bucket, reason }, cause });
}

/** Whether the same request may succeed in a moment. */
export function isPassing({ status, code }: S3Refusal): boolean {
  if (code !== undefined && fullCodes.has(code)) return false;
  if (code !== undefined && passingCodes.has(code)) return true;
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507);
}

function codeOf({ status, code }: S3Refusal): AppErrorCode {
  if (code !== undefined && fullCodes.has(code)) return 'disk_full';
  if (status === 507) return 'disk_full';
  if (code === 'NoSuchBucket') return 'storage_bucket_missing';
  if (code !== undefined && clockCodes.has(code)) return 'storage_clock_wrong';
  if (status === 401 || status === 403) return 'storage_access_denied';
  return 'storage_failed';
}

function sentenceOf(code: AppErrorCode, place: S3Place, { status, date }: S3Refusal, now: number): string {
  const { endpoint, bucket, region } = place;
  switch (code) {
    case 'disk_full':
      return `The S3 service at ${endpoint} has no room left.`;
    case 'storage_bucket_missing':
      return `The S3 service at ${endpoint} has no bucket ${bucket}.`;
    case 'storage_clock_wrong':
      return `The clock of this machine differs from that of the S3 service at ${endpoint}${skewOf(date, now)}.`;
    case 'storage_access_denied':
      return `The S3 service at ${endpoint} does not let this key use the bucket ${bucket}.`;
    default:
      if (status >= 300 && status < 400) {
        return `The bucket ${bucket} is at another address or in another region than ${endpoint}, ${region}.`;
      }
      return `The S3 service at ${endpoint} failed.`;
  }
}

function skewOf(date: string | null, now: number): string {
  const theirs = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(theirs) ? '' : ` by ${Math.round(Math.abs(now - theirs) / 1_000)} s`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return (cause as NodeJS.ErrnoException).code ?? cause.message;
  return error.message;
}

const fullCodes: ReadonlySet<string> = new Set([
  'QuotaExceeded',
  'InsufficientStorage',
  'InsufficientCapacity',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
]);
const clockCodes: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestExpired']);
const passingCodes: ReadonlySet<string> = new Set([
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
]);
