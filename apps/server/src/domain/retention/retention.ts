/** How long what a tenant drew is kept. Pure. */
export interface Retention {
  /** Days after which pictures are removed; undefined keeps them. */
  readonly picturesDays: number | undefined;
  /** Days after which records of generations that have ended are removed, with their pictures; undefined keeps them. */
  readonly recordsDays: number | undefined;
  /** Whether pictures with a star, and the records of their generations, stay. */
  readonly keepStarred: boolean;
}

/** Of a tenant; what is undefined is as for the installation, null keeps for ever. */
export interface RetentionChange {
  readonly picturesDays?: number | null | undefined;
  readonly recordsDays?: number | null | undefined;
  readonly keepStarred?: boolean | undefined;
}

export function retentionOf(installation: Retention, own: RetentionChange): Retention {
  const days = (given: number | null | undefined, all: number | undefined): number | undefined =>
    given === undefined ? all : (given ?? undefined);
  return {
    picturesDays: days(own.picturesDays, installation.picturesDays),
    recordsDays: days(own.recordsDays, installation.recordsDays),
    keepStarred: own.keepStarred ?? installation.keepStarred,
  };
}

/** What is older than this moment goes; undefined keeps all. */
export function cutoff(days: number | undefined, now: number): number | undefined {
  return days === undefined ? undefined : now - days * DAY_MS;
}

const DAY_MS = 86_400_000;
