/**
 * API keys: `im_<id>_<secret>`. The id finds the record, the secret proves the right to it.
 *
 * A secret has 43 letters and digits drawn at random, 256 bits. Nobody can guess or enumerate that, so its plain SHA-256
 * is stored: a slow hash defends short secrets that people think up, and would cost every request some 100 ms.
 */
import type { KeyId, MemberId, TenantId } from '../ids.ts';
import { keyId } from '../ids.ts';
import type { Limits } from './limits.ts';
import type { Permission, Role } from './permission.ts';

export interface ApiKey {
  readonly id: KeyId;
  readonly tenantId: TenantId;
  /** Whose it is; a key cannot do more than its member, and ends with it. */
  readonly memberId: MemberId | undefined;
  readonly name: string;
  readonly role: Role;
  /** Narrow the role; undefined leaves it whole. */
  readonly scopes: readonly Permission[] | undefined;
  /** SHA-256 of the secret, in hex. */
  readonly secretHash: string;
  readonly limits: Limits;
  readonly createdAt: number;
  /** Name of who made it. */
  readonly createdBy: string;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  /** The key that takes its place. */
  readonly rotatedTo: KeyId | undefined;
  /** To the minute. */
  readonly lastUsedAt: number | undefined;
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function keyState({ revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>, now: number): KeyState {
  if (revokedAt !== undefined && revokedAt <= now) return 'revoked';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
}

/** Splits the text of a key; undefined for anything else. */
export function parseKey(text: string): { readonly id: KeyId; readonly secret: string } | undefined {
  const [, id, secret] = /^im_([a-z0-9]{6,40})_([A-Za-z0-9]{32,100})$/.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id: keyId(id), secret };
}

/** What is shown once, when the key is made. */
export function keyText(id: KeyId, secret: string): string {
  return `im_${id}_${secret}`;
}

/** An id that sorts by time: the milliseconds in base 36, then the random letters. */
export function newKeyId(now: number, random: string): KeyId {
  return keyId(`${now.toString(36).padStart(8, '0')}${random}`);
}

/** Letters of ids and secrets. */
export const KEY_ID_LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
export const SECRET_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Random letters of an id. */
export const KEY_ID_LENGTH = 8;
/** 43 × log2(62) = 256 bits. */
export const SECRET_LENGTH = 43;
