import type { AssetId } from './ids.ts';

/** What an address carries that opens one picture without an API key. */
export interface AssetLink {
  /** Seconds since 1970 from which on it opens nothing. */
  readonly expires: number;
  /** Which secret signed it. */
  readonly signedBy: string;
  /** HMAC-SHA256 of `signedText`, base64url. */
  readonly signature: string;
}

/** A secret that signs addresses of pictures. */
export interface SigningKey {
  /** Public: it stands in the addresses. */
  readonly id: string;
  readonly secret: string;
  readonly createdAt: number;
}

/** What is signed: a picture and an end. The words before keep a signature from meaning anything else. */
export function signedText(id: AssetId, expires: number): string {
  return `imagemill asset\n${id}\n${expires}`;
}

/**
 * When an address ends that is handed out now, in seconds since 1970. Ends lie on a grid of an eighth of the life time,
 * so that a picture keeps its address for a while and caches know it again: an address lives for the life time at most,
 * and for seven eighths of it at least.
 */
export function linkEnd(nowMs: number, lifeSeconds: number): number {
  const grid = Math.max(1, Math.floor(lifeSeconds / 8));
  return Math.floor((Math.floor(nowMs / 1_000) + lifeSeconds) / grid) * grid;
}

/** Path and query; `URLSearchParams` reads back what stands behind the question mark. */
export function linkPath(id: AssetId, { expires, signedBy, signature }: AssetLink): string {
  return `/v1/assets/${id}?${new URLSearchParams({ expires: String(expires), by: signedBy, signature })}`;
}

/** The link of a parsed query: undefined without a signature, `malformed` when it is none that was ever handed out. */
export function linkOfQuery(query: Readonly<Record<string, unknown>>): AssetLink | 'malformed' | undefined {
  const { expires, by: signedBy, signature } = query;
  if (signature === undefined) return undefined;
  if (typeof signature !== 'string' || typeof signedBy !== 'string' || typeof expires !== 'string') return 'malformed';
  // One spelling of a number only, so that one address has one meaning.
  if (!/^[1-9]\d{0,11}$/.test(expires)) return 'malformed';
  return { expires: Number(expires), signedBy, signature };
}
