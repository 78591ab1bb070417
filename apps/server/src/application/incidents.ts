/** What went wrong and what was done about it, so that an operator can look it up. Never with a prompt. */
export const incidentKinds = [
  'engine_stuck',
  'engine_crashed',
  'engine_answer_invalid',
  'picture_unsound',
  'queue_blocked',
  'weights_damaged',
  'clock_jumped',
  'disk_nearly_full',
] as const;
export type IncidentKind = (typeof incidentKinds)[number];

export interface Incident {
  /** ms since 1970 */
  readonly at: number;
  readonly kind: IncidentKind;
  /** One plain sentence: what was seen. */
  readonly message: string;
  /** One plain sentence: what was done. */
  readonly action: string;
  /** Facts for whoever looks into it. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** A bounded number of incidents, which outlives the process. */
export interface IncidentBook {
  /** Never throws: a book that cannot be written to keeps what it knows in memory. */
  add(incident: Omit<Incident, 'at'>): void;
  /** Newest first. */
  list(): readonly Incident[];
}
