/** A sentence of the server in English, with what other languages need to say it. */
export interface Notice {
  /** Stable, and known to the API. */
  readonly code: string;
  readonly message: string;
  /** Names and numbers of the sentence. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Of an error that has a code, without its stack and its cause. */
export function noticeOf({ code, message, details }: Notice): Notice {
  return { code, message, details };
}
