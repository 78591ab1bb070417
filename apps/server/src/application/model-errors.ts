/** What a code means and whether the same call may succeed when it is made again unchanged. */
interface ErrorMeaning {
  readonly retryable: boolean;
  readonly meaning: string;
}

/** Every code of the model library: finding, pulling and verifying models. */
export const modelErrorCodes = {
  model_unknown: { retryable: false, meaning: 'No installed model or folder answers to the given name.' },
  model_ambiguous: { retryable: false, meaning: 'Several installed models answer to the given name.' },
  model_name_invalid: { retryable: false, meaning: 'The name is not of the form owner/name.' },
  model_unverifiable: { retryable: false, meaning: 'The model has no manifest to check its files against.' },
  manifest_damaged: { retryable: false, meaning: 'The manifest of a model cannot be understood.' },
  model_busy: { retryable: true, meaning: 'Another process is pulling the same model.' },
  hub_unreachable: { retryable: true, meaning: 'The hub did not answer, or the connection broke.' },
  hub_unavailable: { retryable: true, meaning: 'The hub answered with a passing error (5xx).' },
  hub_rate_limited: { retryable: true, meaning: 'The hub asked for a pause (429).' },
  hub_access_denied: { retryable: false, meaning: 'The hub wants a token, or an accepted licence, for this model.' },
  hub_model_not_found: { retryable: false, meaning: 'The hub has no such model, revision or file.' },
  hub_answer_invalid: { retryable: false, meaning: 'The hub answered something other than its interface promises.' },
  hub_redirect_refused: { retryable: false, meaning: 'The hub redirected to an address that is not followed.' },
  hub_model_unsupported: { retryable: false, meaning: 'The repository is not a model that Imagemill can run.' },
  download_truncated: { retryable: true, meaning: 'A file ended before its announced size.' },
  download_damaged: { retryable: true, meaning: 'The bytes of a file do not have the hash that the hub announced.' },
  disk_full: { retryable: false, meaning: 'The disk has too little room for the model.' },
  folder_unwritable: { retryable: false, meaning: 'The models folder cannot be written.' },
  cancelled: { retryable: true, meaning: 'The caller stopped the work.' },
} as const satisfies Record<string, ErrorMeaning>;

export type ModelErrorCode = keyof typeof modelErrorCodes;

/** Additional facts of an error; `cause` is the error that led to it. */
export interface ModelErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Pause that the hub asked for before the next try. */
  readonly retryAfterMs?: number | undefined;
}

/** The one error class of the model library: a stable code, a sentence that says what to do, and the facts behind it. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError';
  readonly code: ModelErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ModelErrorCode, message: string, options: ModelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryable = modelErrorCodes[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}
