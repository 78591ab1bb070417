import { type Taken, type TokenBucket, takeToken } from '../domain/access/token-bucket.ts';
import type { Authenticated } from './authenticate.ts';
import type { Clock } from './ports.ts';

/** How a request stands against the tightest of its limits. */
export interface RequestAllowance extends Omit<Taken, 'bucket'> {
  /** Requests a minute. */
  readonly limit: number;
  readonly subject: 'tenant' | 'key';
}

/** Counts a request against the limits of its tenant and key; undefined when it has none. */
export type TakeRequest = (who: Authenticated) => RequestAllowance | undefined;

/**
 * Limits of requests a minute, held in the memory of this process: each API process of a cluster allows them anew. A
 * request that one limit refuses does not count towards the other.
 */
export function createTakeRequest({ clock }: { readonly clock: Clock }): TakeRequest {
  const buckets = new Map<string, TokenBucket>();

  return ({ caller, limits }) => {
    const now = clock.now();
    const asked: (RequestAllowance & { readonly name: string; readonly bucket: TokenBucket })[] = [];
    const ask = (subject: RequestAllowance['subject'], name: string, limit: number | undefined): void => {
      if (limit !== undefined) asked.push({ subject, name, limit, ...takeToken(buckets.get(name), limit, now) });
    };
    ask('tenant', `tenant ${caller.tenantId}`, limits.tenant.requestsPerMinute);
    if (caller.keyId !== undefined) ask('key', `key ${caller.keyId}`, limits.key?.requestsPerMinute);
    if (asked.length === 0) return undefined;

    const refusing = asked.filter((one) => !one.isAllowed);
    if (refusing.length === 0) {
      // Whoever came last counts as newest, so that the oldest entry is one that nobody asks for.
      for (const { name, bucket } of asked) {
        buckets.delete(name);
        buckets.set(name, bucket);
      }
      for (const name of buckets.keys()) {
        if (buckets.size <= MOST_BUCKETS) break;
        buckets.delete(name);
      }
    }
    const tightest = (refusing.length > 0 ? refusing : asked).reduce((a, b) =>
      b.retryMs > a.retryMs || (b.retryMs === a.retryMs && b.remaining < a.remaining) ? b : a,
    );
    const { name: _name, bucket: _bucket, ...allowance } = tightest;
    return allowance;
  };
}

const MOST_BUCKETS = 100_000;
