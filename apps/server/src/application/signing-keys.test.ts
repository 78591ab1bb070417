import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../tests/support/manual-clock.ts';
import type { SigningKey } from '../domain/asset-link.ts';
import { SigningKeyRing } from './signing-keys.ts';

const LIFE_SECONDS = 3_600;

/** A ring over records in memory, with a secret of long ago. */
function open() {
  const clock = new ManualClock();
  let keys: SigningKey[] = [{ id: 'first', secret: 's', createdAt: 0 }];
  const transaction = {
    removeSigningKeys: async (ids: readonly string[]) => {
      keys = keys.filter(({ id }) => !ids.includes(id));
    },
  };
  const transact = async <T>(work: (on: never) => Promise<T>): Promise<T> => work(transaction as never);
  const ring = new SigningKeyRing([{ id: 'first', secret: 's', createdAt: 0 }], { clock, lifeSeconds: LIFE_SECONDS });
  return {
    ...{ clock, ring },
    add: (id: string) => keys.unshift({ id, secret: 's', createdAt: clock.now() }),
    refresh: () => ring.refresh({ signingKeys: async () => keys }, { transact }),
    ids: () => keys.map(({ id }) => id),
  };
}

describe('the secrets that sign addresses', () => {
  test('a new one is believed at once and signs when every process has heard of it', async () => {
    const { clock, ring, add, refresh } = open();
    add('second');
    await refresh();
    expect([ring.signing.id, ring.find('second')?.id]).toEqual(['first', 'second']);
    clock.advance(9_999);
    expect(ring.signing.id).toBe('first');
    clock.advance(1);
    expect(ring.signing.id).toBe('second');
    expect(ring.find('first')?.id).toBe('first');
    expect(ring.find('third')).toBeUndefined();
  });

  test('an old one is believed for the time of an address after it signed last, then it is removed', async () => {
    const { clock, ring, add, refresh, ids } = open();
    add('second');
    await refresh();
    clock.advance(LIFE_SECONDS * 1_000 + 60_000);
    await refresh();
    expect(ring.find('first')?.id).toBe('first');
    clock.advance(300_000);
    expect(ring.find('first')).toBeUndefined();
    expect(ids()).toEqual(['second', 'first']);
    await refresh();
    expect(ids()).toEqual(['second']);
    expect([ring.signing.id, ring.find('second')?.id]).toEqual(['second', 'second']);
  });

  test('one that was replaced before it signed leaves no gap', async () => {
    const { clock, ring, add, refresh } = open();
    add('second');
    clock.advance(1_000);
    add('third');
    await refresh();
    expect(ring.signing.id).toBe('first');
    clock.advance(9_500);
    expect(ring.signing.id).toBe('second');
    clock.advance(1_000);
    expect(ring.signing.id).toBe('third');
  });
});
