/** Tokens of a rate limit at a time; they come back evenly, up to one minute's worth. */
export interface TokenBucket {
  readonly tokens: number;
  /** ms since 1970 */
  readonly at: number;
}

export interface Taken {
  readonly bucket: TokenBucket;
  readonly isAllowed: boolean;
  /** Requests that may follow at once. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
  /** Until the next request is allowed; 0 when it is now. */
  readonly retryMs: number;
}

/**
 * Takes one token. A bucket holds a minute's worth, so a client may send these at once and then goes on at the even
 * rate. Time that runs backwards gives nothing.
 *
 * @param bucket undefined for a client that was not seen before: a full one
 * @param perMinute at least 1
 */
export function takeToken(bucket: TokenBucket | undefined, perMinute: number, now: number): Taken {
  const perMs = perMinute / MINUTE_MS;
  const before = bucket ?? { tokens: perMinute, at: now };
  const elapsed = Math.max(0, now - before.at);
  const tokens = Math.min(perMinute, before.tokens + elapsed * perMs);
  // Sums of fractions drift: a token that is all but there is there.
  const isAllowed = tokens >= 1 - 1e-9;
  const left = isAllowed ? Math.max(0, tokens - 1) : tokens;
  return {
    bucket: { tokens: left, at: Math.max(now, before.at) },
    isAllowed,
    remaining: Math.floor(left + 1e-9),
    resetMs: Math.ceil((perMinute - left) / perMs),
    retryMs: isAllowed ? 0 : Math.max(1, Math.ceil((1 - tokens) / perMs)),
  };
}

const MINUTE_MS = 60_000;
