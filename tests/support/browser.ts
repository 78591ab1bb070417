import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

/** Debian's Chromium; another one can be named. */
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Whether there is a browser to test with. In CI there has to be one. */
export function hasBrowser(): boolean {
  if (existsSync(executablePath)) return true;
  const message = `No Chromium at ${executablePath}: the page is not tested. Debian: apt-get install chromium. Elsewhere set CHROMIUM_PATH.`;
  if (process.env['CI'] === 'true') throw new Error(message);
  process.stderr.write(`\nSKIPPED: ${message}\n`);
  return false;
}

/** Pages for the tests of a suite, in one browser. */
export interface Pages {
  /** Opens a page in a profile of its own; it is closed after the test. */
  open(url: string, options: BrowserContextOptions): Promise<Page>;
}

/**
 * Gives a suite its browser. After each test it fails the test if one of its pages has asked another host for anything,
 * or has complained in the console (errors, warnings, refusals of the content security policy) in other words than
 * `expectedComplaints`. Pages may lead to the `further` origins. What the pages of a failed test showed is printed.
 */
export function usePages(expectedComplaints: RegExp = /^(?!)/, further: () => readonly string[] = () => []): Pages {
  let browser: Browser;
  const opened: Watched[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async ({ task }) => {
    const seen = opened.splice(0);
    if (task.result?.state === 'fail') await Promise.all(seen.map(printPage));
    await Promise.all(seen.map(({ context }) => context.close()));
    const allowed = further();
    const foreign = seen.flatMap(foreignRequests).filter((url) => !allowed.includes(new URL(url).origin));
    expect(foreign).toEqual([]);
    expect(seen.flatMap(({ complaints }) => complaints).filter((text) => !expectedComplaints.test(text))).toEqual([]);
  });

  return {
    async open(url, options) {
      const watched = await openWatched(browser, url, options);
      opened.push(watched);
      return watched.page;
    },
  };
}

interface Watched {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly origin: string;
  /** URLs of all requests but `data:` and `blob:`. */
  readonly requests: string[];
  readonly complaints: string[];
}

/** A page may wait for pictures of the real engine, on a machine that is busy with other tests. */
const waitMs = 60_000;

function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

async function openWatched(browser: Browser, url: string, options: BrowserContextOptions): Promise<Watched> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(waitMs);
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url())) requests.push(request.url());
  });
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(error.error().message));
  const page = await context.newPage();
  await page.goto(url);
  return { context, page, origin: new URL(url).origin, requests, complaints };
}

function foreignRequests({ requests, origin }: Watched): string[] {
  return requests.filter((url) => new URL(url).origin !== origin);
}

async function printPage({ page, complaints }: Watched): Promise<void> {
  const shown = await page.locator('body').ariaSnapshot();
  process.stderr.write(`\nThe page showed:\n${shown}\n${complaints.join('\n')}\n`);
}

/** Waits until an expression holds in the page. The page's own policy forbids what `waitForFunction` does. */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(expression), { timeout: 15_000, message: expression }).toBe(true);
}
