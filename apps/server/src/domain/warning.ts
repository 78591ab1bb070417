/** Something that was done another way than asked, and yet done. */
export interface Warning {
  /** Stable, e.g. `size_reduced`. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
}
