import { randomBytes, randomInt } from 'node:crypto';
import type { Clock, IdSource, SeedSource } from '../application/ports.ts';

/**
 * UUIDs of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then a counter of 12 + 14 bits that starts at random in
 * each millisecond (§6.2, method 1), then 48 random bits. Each id sorts after those before, also when the clock is set
 * back.
 */
export function createIdSource(clock: Pick<Clock, 'now'>): IdSource {
  let lastMs = 0;
  let counter = 0;
  let pool = Buffer.alloc(0);
  let used = 0;

  function random(bytes: number): Buffer {
    if (used + bytes > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += bytes;
    return pool.subarray(used - bytes, used);
  }

  return {
    next() {
      const now = clock.now();
      if (now > lastMs) {
        lastMs = now;
        // The highest bit starts at 0, which leaves 2^25 ids before the counter runs over.
        counter = random(4).readUInt32BE() & (COUNTER_RANGE / 2 - 1);
      } else {
        counter += 1;
        if (counter === COUNTER_RANGE) {
          lastMs += 1;
          counter = 0;
        }
      }
      const time = lastMs.toString(16).padStart(12, '0');
      const high = (0x7000 | (counter >>> 14)).toString(16);
      const low = (0x8000 | (counter & 0x3fff)).toString(16);
      return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${low}-${random(6).toString('hex')}`;
    },
  };
}

export const randomSeeds: SeedSource = { pick: () => randomInt(2 ** 32) };

const COUNTER_RANGE = 2 ** 26;
const POOL_BYTES = 4_096;
