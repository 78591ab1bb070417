import type { ContentHash, TenantId } from '../domain/ids.ts';
import { cutoff, type Retention, retentionOf } from '../domain/retention/retention.ts';
import type { Clock, IdSource, Logger, Store } from './ports.ts';
import type { PictureRemover } from './retention-ports.ts';

export interface ApplyRetentionPorts {
  readonly store: Store;
  readonly remover: PictureRemover;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  /** What holds for tenants without rules of their own. */
  readonly installation: Retention;
}

export interface Removed {
  readonly pictures: number;
  readonly generations: number;
}

/**
 * Removes what is older than each tenant wants to keep, in small portions, between which others get their turn. Bytes go
 * once no record of any tenant names them. What was removed is in the audit log, once a round and tenant.
 */
export function createApplyRetention(ports: ApplyRetentionPorts): () => Promise<Removed> {
  const { store, clock } = ports;
  return async () => {
    let [pictures, generations] = [0, 0];
    for (const { id: tenantId } of await store.access.tenants()) {
      const rules = retentionOf(ports.installation, (await store.retention.retentionOf(tenantId)) ?? {});
      const removed = {
        pictures: await removePictures(ports, tenantId, rules),
        generations: await removeGenerations(ports, tenantId, rules),
      };
      pictures += removed.pictures;
      generations += removed.generations;
      if (removed.pictures + removed.generations > 0) await note(ports, tenantId, { ...removed, ...rules });
    }
    ports.log.debug({ pictures, generations, at: clock.now() }, 'what was too old was removed');
    return { pictures, generations };
  };
}

async function removePictures(ports: ApplyRetentionPorts, tenantId: TenantId, rules: Retention): Promise<number> {
  const { store, clock } = ports;
  const before = cutoff(rules.picturesDays, clock.now());
  const sources = before === undefined ? undefined : await store.retention.openSources(tenantId);
  if (before === undefined || sources === undefined) return 0;
  let removed = 0;
  let after: Parameters<typeof store.retention.oldPictures>[0]['after'];
  for (;;) {
    const some = await store.retention.oldPictures({ tenantId, before, after, limit: PORTION });
    const old = some.filter(({ isStarred, sha256 }) => !(isStarred && rules.keepStarred) && !sources.has(sha256));
    const ids = old.map(({ id }) => id);
    if (ids.length > 0) await store.transact(({ retention }) => retention.removePictures(tenantId, ids));
    await removeBytes(
      ports,
      old.map(({ sha256 }) => sha256),
    );
    removed += old.length;
    after = some.at(-1);
    if (some.length < PORTION) return removed;
    await pause(clock);
  }
}

async function removeGenerations(ports: ApplyRetentionPorts, tenantId: TenantId, rules: Retention): Promise<number> {
  const { store, clock } = ports;
  const before = cutoff(rules.recordsDays, clock.now());
  if (before === undefined) return 0;
  let removed = 0;
  let after: Parameters<typeof store.retention.oldGenerations>[0]['after'];
  for (;;) {
    const some = await store.retention.oldGenerations({ tenantId, before, after, limit: PORTION });
    const ids = some.filter(({ hasStarred }) => !(hasStarred && rules.keepStarred)).map(({ id }) => id);
    if (ids.length > 0) {
      await removeBytes(ports, await store.transact(({ retention }) => retention.removeGenerations(tenantId, ids)));
    }
    removed += ids.length;
    after = some.at(-1);
    if (some.length < PORTION) return removed;
    await pause(clock);
  }
}

async function removeBytes({ store, remover, log }: ApplyRetentionPorts, hashes: readonly ContentHash[]) {
  for (const sha256 of await store.retention.unusedHashes([...new Set(hashes)])) {
    try {
      await remover.remove(sha256);
    } catch (err) {
      // The record is gone already: the bytes are a little waste, no fault of anybody's.
      log.warn({ err, sha256 }, 'the bytes of an old picture could not be removed');
    }
  }
}

async function note({ store, ids, clock }: ApplyRetentionPorts, tenantId: TenantId, after: object): Promise<void> {
  const deed = { action: 'retention.applied', target: tenantId, address: undefined, before: undefined };
  const record = { ...deed, after: { ...after }, id: ids.next(), tenantId, at: clock.now(), count: 1 };
  await store.transact(({ access }) => access.addAudit([{ ...record, actor: { name: 'imagemill' } }]));
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(PAUSE_MS, resolve));
}

/** A portion takes some ms of the writer. */
const PORTION = 100;
const PAUSE_MS = 20;
