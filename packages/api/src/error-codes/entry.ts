/** Everything that is fixed about an error code. */
export interface ErrorCodeEntry {
  readonly title: string;
  /** HTTP status; for the errors of a job, the one that a waiting request would get. */
  readonly status: number;
  /** The same may succeed later without a change. */
  readonly retryable: boolean;
  /** What brings it about. */
  readonly cause: string;
  /** What to do about it. */
  readonly help: string;
}
