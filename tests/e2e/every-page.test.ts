import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { startFilledServer } from '../support/filled-server.ts';

/** Every page with what is on it once it is there; the address of a part of a page is one of its own. */
const paths = {
  '/': 'article',
  '/gallery': 'main li img',
  '/bulks': 'main article',
  '/queue': 'main article',
  '/review': 'main article',
  '/alerts': 'main form',
  '/operation': 'main tbody tr',
  '/operation/models': 'main tbody tr',
  '/operation/loras': 'main tbody tr',
  '/administration/tenants': 'main tbody tr',
  '/administration/members': 'main tbody tr',
  '/administration/keys': 'main tbody tr',
  '/administration/usage': 'main tbody tr',
  '/administration/audit': 'main tbody tr',
  '/administration/settings': 'main tbody tr',
} as const;

const looks = [
  ['zh-CN', 'light', 390],
  ['zh-CN', 'dark', 1280],
  ['en-US', 'dark', 390],
  ['en-US', 'light', 1280],
] as const;

describe.skipIf(!hasBrowser())('every page', () => {
  const pages = usePages();
  let server: Awaited<ReturnType<typeof startFilledServer>>;
  beforeAll(async () => {
    server = await startFilledServer();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(looks)(
    'in %s and %s fits a screen of %i px without scrolling sideways, and has no serious accessibility fault',
    async (locale, colorScheme, width) => {
      const options: BrowserContextOptions = { locale, colorScheme, viewport: { width, height: 844 } };
      const page = await pages.open(server.url, options);
      const found: Record<string, unknown> = {};
      for (const [path, sign] of Object.entries(paths)) {
        await page.goto(server.url + path);
        await page.locator(sign).first().waitFor();
        const scrollWidth = await page.evaluate('document.documentElement.scrollWidth');
        const faults = await seriousViolations(page);
        if (scrollWidth !== width || faults.length > 0) found[path] = { scrollWidth, faults };
      }
      expect(found).toEqual({});
    },
  );
});
