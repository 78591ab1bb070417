/**
 * Secrets that sign addresses of pictures. A rotation adds one:
 *
 * - The new one signs after SIGN_DELAY_MS, when every process of a cluster has heard of it.
 * - The one before is believed until no address that it may have signed is valid any more, then it goes.
 */
import type { SigningKey } from '../domain/asset-link.ts';
import type { AccessReader, AccessStore, Secrets } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

/** Newest first. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

type Store = Pick<AccessStore, 'transact'>;
type NewKeyPorts = { readonly secrets: Pick<Secrets, 'random'>; readonly clock: Pick<Clock, 'now'> };

/** The secrets on record, newest first; the first is made when there is none. */
export function openSigningKeys(ports: NewKeyPorts & { readonly store: Store }): Promise<SigningKeys> {
  return ports.store.transact(async (transaction) => {
    const [newest, ...older] = await transaction.signingKeys();
    if (newest !== undefined) return [newest, ...older];
    const made = newSigningKey(ports);
    await transaction.addSigningKey(made);
    return [made];
  });
}

/** Which secret signs, and which are believed. */
export class SigningKeyRing {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #lifeMs: number;
  #keys: SigningKeys;

  /** @param lifeSeconds how long an address lives at most */
  constructor(keys: SigningKeys, { clock, lifeSeconds }: { clock: Pick<Clock, 'now'>; lifeSeconds: number }) {
    this.#keys = keys;
    this.#clock = clock;
    this.#lifeMs = lifeSeconds * 1_000;
  }

  /** The newest that everybody has heard of. */
  get signing(): SigningKey {
    const now = this.#clock.now();
    return this.#keys.find(({ createdAt }) => createdAt + SIGN_DELAY_MS <= now) ?? this.#keys.at(-1) ?? this.#keys[0];
  }

  /** One that is believed. */
  find(id: string): SigningKey | undefined {
    const at = this.#keys.findIndex((key) => key.id === id);
    return this.#hasEnded(at) ? undefined : this.#keys[at];
  }

  /** Reads them anew, and removes those that are believed no more. */
  async refresh(reader: Pick<AccessReader, 'signingKeys'>, store: Store): Promise<void> {
    const [newest, ...older] = await reader.signingKeys();
    if (newest === undefined) return;
    this.#keys = [newest, ...older];
    const ended = this.#keys.filter((_, at) => this.#hasEnded(at)).map(({ id }) => id);
    if (ended.length > 0) await store.transact((transaction) => transaction.removeSigningKeys(ended));
  }

  #hasEnded(at: number): boolean {
    const next = this.#keys[at - 1];
    return next !== undefined && next.createdAt + SLACK_MS + this.#lifeMs <= this.#clock.now();
  }
}

export interface RotateUrlKeyPorts extends NewKeyPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** Lets a new secret sign addresses of pictures. Those handed out before stay good for their time, or end at once. */
export type RotateUrlKey = (act: Act, options: { readonly endsOld: boolean }) => Promise<SigningKey>;

export function createRotateUrlKey(ports: RotateUrlKeyPorts): RotateUrlKey {
  return (act, { endsOld }) =>
    ports.store.transact(async (transaction) => {
      const old = (await transaction.signingKeys()).map(({ id }) => id);
      const made = newSigningKey(ports);
      if (endsOld) await transaction.removeSigningKeys(old);
      await transaction.addSigningKey(made);
      const { tenantId } = act.caller;
      const [before, after] = [{ keys: old }, { keys: endsOld ? [made.id] : [made.id, ...old] }];
      await writeAudit(transaction, ports, act, {
        action: 'url_key.rotated',
        target: made.id,
        tenantId,
        before,
        after,
      });
      return made;
    });
}

function newSigningKey({ secrets, clock }: NewKeyPorts): SigningKey {
  return { id: secrets.random(8, LETTERS), secret: secrets.random(64, LETTERS), createdAt: clock.now() };
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
/** How often a process reads the secrets anew. */
export const SIGNING_KEYS_LOOK_MS = 2_000;
const SIGN_DELAY_MS = 5 * SIGNING_KEYS_LOOK_MS;
/** A process that could not read them goes on signing with the old one for a while. */
const SLACK_MS = 300_000;
