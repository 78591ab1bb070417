/** Limits of a tenant or of one of its keys; what is undefined is not limited. */
export interface Limits {
  /** Pictures a calendar day (UTC). */
  readonly picturesPerDay?: number | undefined;
  /** Pictures a calendar month (UTC). */
  readonly picturesPerMonth?: number | undefined;
  /** Device time a calendar month (UTC), in seconds. */
  readonly deviceSecondsPerMonth?: number | undefined;
  /** Pictures under way at once. */
  readonly maxRunning?: number | undefined;
  /** Pictures accepted and not ended: waiting or under way. */
  readonly maxOpen?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
}

export const limitNames = [
  'picturesPerDay',
  'picturesPerMonth',
  'deviceSecondsPerMonth',
  'maxRunning',
  'maxOpen',
  'requestsPerMinute',
] as const satisfies readonly (keyof Limits)[];

/** The limits with those of `change`; null there takes one away. */
export function changeLimits(
  limits: Limits,
  change: { readonly [Name in keyof Limits]?: number | null | undefined },
): Limits {
  const entries = limitNames.flatMap((name) => {
    const value = change[name] === undefined ? limits[name] : change[name];
    return value === null || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}
