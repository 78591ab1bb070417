import { type TokenBucket, takeToken } from '../domain/access/token-bucket.ts';
import type { Clock } from './ports.ts';

/** Counts an attempt to sign in against the limit of its address. */
export type TakeSignIn = (address: string) => { readonly isAllowed: boolean; readonly retryMs: number };

/**
 * Attempts a minute of one network address, held in the memory of this process. Of an IPv6 address the network counts:
 * whoever has one has 2^64 of them.
 *
 * @param perMinute 0 sets no limit
 */
export function createTakeSignIn(ports: { readonly clock: Clock; readonly perMinute: number }): TakeSignIn {
  const { clock, perMinute } = ports;
  const buckets = new Map<string, TokenBucket>();
  return (address) => {
    if (perMinute === 0) return { isAllowed: true, retryMs: 0 };
    const name = networkOf(address);
    const { bucket, isAllowed, retryMs } = takeToken(buckets.get(name), perMinute, clock.now());
    buckets.delete(name);
    buckets.set(name, bucket);
    for (const oldest of buckets.keys()) {
      if (buckets.size <= MOST_BUCKETS) break;
      buckets.delete(oldest);
    }
    return { isAllowed, retryMs };
  };
}

function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address.replace(/^::ffff:/, '');
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':').filter((part) => part !== '');
  const after = tail.split(':').filter((part) => part !== '');
  const zeros = address.includes('::') ? Array.from({ length: 8 - before.length - after.length }, () => '0') : [];
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

const MOST_BUCKETS = 100_000;
