import type { ApiKey } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { keyChangeOf, keyRequestOf, keyTextsOf, newKeyTexts } from './key-texts.ts';

const key: ApiKey = {
  id: 'abcdef',
  tenantId: 'acme',
  name: 'web shop',
  role: 'member',
  scopes: ['generations:read', 'generations:write'],
  limits: { picturesPerDay: 500, maxRunning: 2 },
  state: 'active',
  createdAt: '2026-01-01T00:00:00.000Z',
  createdBy: 'admin',
  expiresAt: '2026-06-30T10:20:30.000Z',
};

describe('a key as it is typed', () => {
  test('changes nothing when nothing was typed, also where its end is no midnight', () => {
    expect(keyChangeOf(key, keyTextsOf(key))).toEqual({});
    const { scopes: _scopes, expiresAt: _end, ...plain } = key;
    expect(keyChangeOf(plain, keyTextsOf(plain))).toEqual({});
  });

  test('changes what was typed alone', () => {
    const texts = keyTextsOf(key);
    expect(keyChangeOf(key, { ...texts, name: ' shop ' })).toEqual({ name: 'shop' });
    expect(keyChangeOf(key, { ...texts, scopes: ['generations:write', 'generations:read'] })).toEqual({});
    expect(keyChangeOf(key, { ...texts, role: 'viewer', scopes: ['generations:read'] })).toEqual({
      role: 'viewer',
      scopes: ['generations:read'],
    });
    const limits = { ...texts.limits, picturesPerDay: '', maxOpen: '9' };
    expect(keyChangeOf(key, { ...texts, limits })).toEqual({ limits: { picturesPerDay: null, maxOpen: 9 } });
  });

  test('gives its scopes and its end up when they are emptied', () => {
    const change = keyChangeOf(key, { ...keyTextsOf(key), scopes: [], lastDay: '' });
    expect(change).toEqual({ scopes: null, expiresAt: null });
  });

  test('ends with the last day, which is shown again', () => {
    const { expiresAt } = keyChangeOf(key, { ...keyTextsOf(key), lastDay: '2090-01-31' });
    expect(expiresAt).toBe(new Date(2090, 1, 1).toISOString());
    expect(keyTextsOf({ ...key, expiresAt: expiresAt ?? undefined }).lastDay).toBe('2090-01-31');
  });

  test('is new with no more than was typed', () => {
    expect(keyRequestOf({ ...newKeyTexts, name: ' shop ' })).toEqual({ name: 'shop', role: 'member', limits: {} });
  });
});
