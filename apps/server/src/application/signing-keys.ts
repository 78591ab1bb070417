import type { SigningKey } from '../domain/asset-link.ts';
import type { AccessStore, Secrets } from './access-ports.ts';
import type { Clock } from './ports.ts';

/** The secrets that sign addresses, newest first; the first is made when there is none. */
export function openSigningKeys({
  store,
  secrets,
  clock,
}: {
  readonly store: Pick<AccessStore, 'transact'>;
  readonly secrets: Pick<Secrets, 'random'>;
  readonly clock: Pick<Clock, 'now'>;
}): Promise<readonly [SigningKey, ...SigningKey[]]> {
  return store.transact(async (transaction) => {
    const [newest, ...older] = await transaction.signingKeys();
    if (newest !== undefined) return [newest, ...older];
    const made = { id: secrets.random(8, LETTERS), secret: secrets.random(64, LETTERS), createdAt: clock.now() };
    await transaction.addSigningKey(made);
    return [made];
  });
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
