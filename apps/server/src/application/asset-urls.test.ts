import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../tests/support/manual-clock.ts';
import { secrets } from '../adapters/secrets.ts';
import { linkOfQuery } from '../domain/asset-link.ts';
import { assetId } from '../domain/ids.ts';
import { createAssetUrls } from './asset-urls.ts';
import { SigningKeyRing } from './signing-keys.ts';

const clock = new ManualClock();
const key = (id: string) => ({ id, secret: `secret of ${id}`, createdAt: clock.now() - 60_000 });
const apple = { id: assetId('0193-apple') };
const urls = (ids: readonly [string, ...string[]], lifeSeconds = 800) => {
  const [newest, ...older] = ids;
  const keys = new SigningKeyRing([key(newest), ...older.map(key)], { clock, lifeSeconds });
  return createAssetUrls({ keys, secrets, clock, lifeSeconds, publicUrl: undefined });
};

function linkOf(path: string) {
  const link = linkOfQuery(Object.fromEntries(new URL(path, 'http://x').searchParams));
  if (link === undefined || link === 'malformed') throw new Error(`${path} is not signed`);
  return link;
}

describe('signed addresses of pictures', () => {
  test.each([1, 7, 60, 800, 172_800])('of %i seconds live for seven eighths of that at least', (lifeSeconds) => {
    const signing = urls(['k'], lifeSeconds);
    for (let second = 0; second < 100; second += 1) {
      const lives = linkOf(signing.pathOf(apple)).expires - Math.floor(clock.now() / 1_000);
      expect(lives).toBeLessThanOrEqual(lifeSeconds);
      expect(lives).toBeGreaterThan((lifeSeconds * 7) / 8 - 1);
      clock.advance(997);
    }
  });

  test('stay the same for a while, so that caches know them', () => {
    const signing = urls(['k'], 80_000);
    const end = linkOf(signing.pathOf(apple)).expires;
    clock.advance((end - 70_000) * 1_000 - clock.now());
    const first = signing.pathOf(apple);
    clock.advance(1_000);
    expect(signing.pathOf(apple)).toBe(first);
  });

  test('open until the second in which they end', () => {
    const signing = urls(['k']);
    const link = linkOf(signing.pathOf(apple));
    expect(signing.verdictOn(apple.id, link)).toBe('valid');
    clock.advance(link.expires * 1_000 - clock.now() - 1);
    expect(signing.verdictOn(apple.id, link)).toBe('valid');
    clock.advance(1);
    expect(signing.verdictOn(apple.id, link)).toBe('expired');
  });

  test('are believed after another secret took over, and not once the old one is gone', () => {
    const before = urls(['old']);
    const link = linkOf(before.pathOf(apple));
    expect(urls(['new', 'old']).verdictOn(apple.id, link)).toBe('valid');
    expect(linkOf(urls(['new', 'old']).pathOf(apple)).signedBy).toBe('new');
    expect(urls(['new']).verdictOn(apple.id, link)).toBe('forged');
  });

  test('stand under the public address, else under that of the request', () => {
    const path = urls(['k']).pathOf(apple);
    expect(urls(['k']).urlOf(apple)).toBe(path);
    expect(urls(['k']).urlOf(apple, 'http://127.0.0.1:1')).toBe(`http://127.0.0.1:1${path}`);
    const publicUrl = 'https://mill.example';
    const signing = createAssetUrls({
      keys: new SigningKeyRing([key('k')], { clock, lifeSeconds: 800 }),
      secrets,
      clock,
      lifeSeconds: 800,
      publicUrl,
    });
    expect(signing.urlOf(apple, 'http://127.0.0.1:1')).toBe(`${publicUrl}${path}`);
  });
});
