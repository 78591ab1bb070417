/**
 * A site is an installation with a copy of the records. At most one of two may write.
 *
 * - *name*: which site the records belong to; undefined until one with a name has written.
 * - *epoch*: rises each time that the records go over to another site.
 * - *lease*: where the other site watches this one with a lease, the right to write until a moment; the other site takes
 *   over only when that has passed, so a site that cannot be reached by anybody leaves off by itself.
 */
export interface SiteRecord {
  readonly name: string | undefined;
  readonly epoch: number;
  /** In ms of the database's clock; undefined means that the right has no end. */
  readonly leaseUntil: number | undefined;
  /** When the records came to this site; undefined where they never went over. */
  readonly switchedAt: number | undefined;
  /** What the other site that watches this one said last; undefined where none does. */
  readonly standby: StandbyWord | undefined;
}

export interface StandbyWord {
  readonly name: string;
  /** By the clock of the watched site's database. */
  readonly seenAt: number;
  /** How far its copy of the records was behind; undefined when it did not know. */
  readonly lagMs: number | undefined;
}

/** Why a process of a site must not write; undefined when it may. Pure. @param own undefined for a process that names no site */
export function whyFenced(
  { name, leaseUntil }: Pick<SiteRecord, 'name' | 'leaseUntil'>,
  own: string | undefined,
  now: number,
): string | undefined {
  if (name !== undefined && name !== own) {
    const self = own === undefined ? 'a process that names no site' : `the site ${own}`;
    return `The records belong to the site ${name}; ${self} may not write.`;
  }
  if (leaseUntil !== undefined && leaseUntil < now)
    return 'The standby site has not renewed the right of this site to write: it may have taken over.';
  return undefined;
}

/** How far behind the standby site would be if it took over now, in ms; undefined where none watches. Pure. */
export function standbyBehindMs({ standby }: Pick<SiteRecord, 'standby'>, now: number): number | undefined {
  return standby === undefined ? undefined : Math.max(0, now - standby.seenAt) + (standby.lagMs ?? 0);
}
