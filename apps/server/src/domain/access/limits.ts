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

/** Limits to set; null takes one away, what is undefined stays. */
export type LimitChange = { readonly [Name in keyof Limits]?: number | null | undefined };

export function changeLimits(limits: Limits, change: LimitChange): Limits {
  const changed = limitNames.map((name) => [name, change[name] === undefined ? limits[name] : change[name]] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined && value !== null));
}
