import type { ApiKey, KeyChange, KeyRequest, Permission, Role } from '@imagemill/api';
import { changeOf, limitsOf, type QuotaTexts, textsOf } from './quotas.ts';

/** A key as it is typed. */
export interface KeyTexts {
  readonly name: string;
  readonly role: Role;
  /** None leaves the role whole. */
  readonly scopes: readonly Permission[];
  /** `2026-11-25`, where the reader is; empty lets it never end. */
  readonly lastDay: string;
  readonly limits: QuotaTexts;
}

export const newKeyTexts: KeyTexts = { name: '', role: 'member', scopes: [], lastDay: '', limits: {} };

export function keyTextsOf({ name, role, scopes = [], expiresAt, limits }: ApiKey): KeyTexts {
  return { name, role, scopes, lastDay: expiresAt === undefined ? '' : lastDayOf(expiresAt), limits: textsOf(limits) };
}

export function keyRequestOf({ name, role, scopes, lastDay, limits }: KeyTexts): KeyRequest {
  return {
    name: name.trim(),
    role,
    limits: limitsOf(limits),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(lastDay === '' ? {} : { expiresAt: endOf(lastDay) }),
  };
}

/** What differs from the key as it was read; the rest stays as it is by then. */
export function keyChangeOf(key: ApiKey, texts: KeyTexts): KeyChange {
  const before = keyTextsOf(key);
  const [name, { role, scopes, lastDay }] = [texts.name.trim(), texts];
  const limits = Object.entries(changeOf(texts.limits)).filter(
    ([quota, value]) => value !== (key.limits[quota as keyof typeof key.limits] ?? null),
  );
  return {
    ...(name === before.name ? {} : { name }),
    ...(role === before.role ? {} : { role }),
    ...(isSameSet(scopes, before.scopes) ? {} : { scopes: scopes.length === 0 ? null : scopes }),
    ...(lastDay === before.lastDay ? {} : { expiresAt: lastDay === '' ? null : endOf(lastDay) }),
    ...(limits.length === 0 ? {} : { limits: Object.fromEntries(limits) }),
  };
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one) => others.includes(one));
}

/** The midnight at the end of a day where the reader is. */
function endOf(day: string): string {
  const midnight = new Date(`${day}T00:00`);
  midnight.setDate(midnight.getDate() + 1);
  return midnight.toISOString();
}

/** The day whose end is at a time, or in which it lies. */
function lastDayOf(time: string): string {
  const at = new Date(Date.parse(time) - 1);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
