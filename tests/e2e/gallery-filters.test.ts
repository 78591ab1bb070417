import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, untilTrue, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';
import { writeMeanModel } from '../support/scoring-model.ts';

const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('the rarer filters of the gallery', () => {
  const pages = usePages();
  let folder: string;
  let server: ImagemillServer;
  /** Between the scores of the two pictures of the default tenant. */
  let between: number;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'imagemill-scores-'));
    const path = join(folder, 'mean.onnx');
    await writeMeanModel(path);
    server = await startImagemill({ aestheticModel: { path, size: 8, index: 1 } });
    const client = createClient({ baseUrl: server.url });
    await client.createTenant({ id: 'acme', name: 'Acme' });
    const key = await server.issueKey({ tenantId: 'acme', role: 'member' });
    const acme = createClient({ baseUrl: server.url, headers: { authorization: `Bearer ${key}` } });
    const orders = [
      { whose: client, prompt: 'an owl on a white background' },
      { whose: client, prompt: 'an owl on a black background' },
      { whose: acme, prompt: 'a rocket of Acme' },
    ];
    for (const { whose, prompt } of orders) {
      const { id } = await whose.submitGeneration({ prompt, seed: 7, steps: 2 });
      for await (const event of whose.events(id)) expect(event.type).not.toBe('job.failed');
    }
    const scores = (await client.listPictures()).items.map(({ quality }) => quality?.measures.aesthetic ?? 0);
    between = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const tilesOf = (page: Page) => page.getByRole('list', { name: 'Gallery' }).getByRole('listitem');
  const tile = (page: Page, prompt: string) => page.getByRole('button', { name: `Open picture: ${prompt}` });

  test('fold away, come forth with all their fields, and keep what they narrow when they fold away again', async () => {
    const page = await pages.open(`${server.url}/gallery`, english);
    await tilesOf(page).nth(1).waitFor();
    expect(await page.getByLabel('Score from').count()).toBe(0);
    const more = page.getByRole('button', { name: 'More filters' });
    expect(await more.getAttribute('aria-expanded')).toBe('false');
    await more.press('Enter');
    const fewer = page.getByRole('button', { name: 'Fewer filters' });
    expect(await fewer.getAttribute('aria-expanded')).toBe('true');
    for (const label of ['Tenant', 'LoRA', 'Width', 'Height', 'Score from', 'Score to', 'From', 'To']) {
      await page.getByRole('search').getByLabel(label, { exact: true }).waitFor();
    }
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByLabel('LoRA').fill('none of this name');
    await page.getByText('No picture fits.').waitFor();
    await fewer.click();
    expect(await page.getByLabel('Score from').count()).toBe(0);
    await page.getByText('No picture fits.').waitFor();
    await more.click();
    expect(await page.getByLabel('LoRA').inputValue()).toBe('none of this name');
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await tilesOf(page).nth(1).waitFor();
  });

  test('narrow to pictures above and below a score, typed with either decimal sign, and say where scores come from', async () => {
    const page = await pages.open(`${server.url}/gallery`, english);
    await tilesOf(page).nth(1).waitFor();
    await page.getByRole('button', { name: 'More filters' }).click();
    const [least, most] = [page.getByLabel('Score from'), page.getByLabel('Score to')];
    await least.fill(between.toFixed(4));
    await tilesOf(page).nth(1).waitFor({ state: 'detached' });
    const client = createClient({ baseUrl: server.url });
    const [better] = (await client.listPictures({ minScore: between })).items;
    await tile(page, better?.prompt ?? '').waitFor();
    await least.fill('');
    await tilesOf(page).nth(1).waitFor();
    await most.fill(between.toFixed(4).replace('.', ','));
    await tilesOf(page).nth(1).waitFor({ state: 'detached' });
    const [worse] = (await client.listPictures({ maxScore: between })).items;
    expect(worse?.id).not.toBe(better?.id);
    await tile(page, worse?.prompt ?? '').waitFor();
    await least.fill('9999');
    await page.getByText('Pictures have a score where the server has an aesthetic model').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('show an admin of the installation one tenant or all of them, and nobody else a choice', async () => {
    const page = await pages.open(`${server.url}/gallery`, english);
    await tilesOf(page).nth(1).waitFor();
    expect(await tile(page, 'a rocket of Acme').count()).toBe(0);
    await page.getByRole('button', { name: 'More filters' }).click();
    const tenant = page.getByRole('combobox', { name: 'Tenant' });
    await tenant.selectOption({ label: 'Acme (acme)' });
    await tile(page, 'a rocket of Acme').waitFor();
    await tilesOf(page).nth(1).waitFor({ state: 'detached' });
    await untilTrue(page, 'document.querySelector("main li img").naturalWidth > 0');
    await tile(page, 'a rocket of Acme').click();
    await untilTrue(page, 'document.querySelector("dialog[open] img").naturalWidth > 0');
    await page.keyboard.press('Escape');
    await tenant.selectOption({ label: 'All tenants' });
    await tilesOf(page).nth(2).waitFor();
    await tenant.selectOption({ label: 'My own' });
    await tile(page, 'a rocket of Acme').waitFor({ state: 'detached' });
    expect(await seriousViolations(page)).toEqual([]);
    const key = await server.issueKey({ tenantId: 'acme', role: 'admin' });
    const theirs = await pages.open(`${server.url}/queue`, english);
    await theirs.getByText('Nothing waits. What you draw appears here.').waitFor();
    await theirs.evaluate(
      `fetch('/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"key":"${key}"}' })`,
    );
    await theirs.goto(`${server.url}/gallery`);
    await tile(theirs, 'a rocket of Acme').waitFor();
    await theirs.getByRole('button', { name: 'More filters' }).click();
    await theirs.getByLabel('LoRA').waitFor();
    expect(await theirs.getByRole('combobox', { name: 'Tenant' }).count()).toBe(0);
  });
});
