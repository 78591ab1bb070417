import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const english: BrowserContextOptions = {
  locale: 'en-US',
  viewport: { width: 1280, height: 860 },
  permissions: ['clipboard-read', 'clipboard-write'],
};

describe.skipIf(!hasBrowser())('the administration', () => {
  const pages = usePages(/^Failed to load resource/);
  let server: ImagemillServer;
  const open = (path: string, options: BrowserContextOptions): Promise<Page> => pages.open(server.url + path, options);
  const clientOf = (key: string) => createClient({ baseUrl: server.url, headers: { authorization: `Bearer ${key}` } });

  beforeAll(async () => {
    server = await startImagemill({ device: 'fixed:20' });
    const client = createClient({ baseUrl: server.url });
    await client.createTenant({ id: 'acme', name: 'Acme', limits: { picturesPerDay: 500 } });
    await client.setPrices({ currency: 'EUR', perPicture: 0.02, perDeviceSecond: 0 });
    const { id } = await client.submitGeneration({ prompt: 'a lighthouse', count: 3 });
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('makes a tenant, limits, disables and deletes it', async () => {
    const page = await open('/', english);
    await page.getByRole('navigation').getByRole('link', { name: 'Admin' }).click();
    await page.getByRole('button', { name: 'New tenant' }).click();
    const form = page.getByRole('dialog', { name: 'New tenant' });
    await form.getByLabel('Id').fill('No Good');
    await form.getByLabel('Pictures a day').fill('20');
    await form.getByRole('button', { name: 'Create' }).click();
    await form.getByRole('alert').getByText('Some settings do not fit.').waitFor();
    expect(await form.getByLabel('Pictures a day').inputValue()).toBe('20');
    await form.getByLabel('Id').fill('shop');
    expect(await seriousViolations(page)).toEqual([]);
    await form.getByRole('button', { name: 'Create' }).click();
    const row = page.getByRole('row', { name: /^shop/ });
    await row.getByText('Pictures a day: 20').waitFor();
    await row.getByRole('button', { name: 'Change shop' }).click();
    const change = page.getByRole('dialog', { name: 'Change shop' });
    await change.getByLabel('Pictures a day').fill('');
    await change.getByLabel('Share').fill('2');
    await change.getByRole('button', { name: 'Save' }).click();
    await row.getByText('no limit').waitFor();
    await row.getByRole('button', { name: 'Disable shop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disable', exact: true }).click();
    await row.getByText('disabled').waitFor();
    await row.getByRole('button', { name: 'Delete shop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await row.waitFor({ state: 'detached' });
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('invites a member of another tenant, and changes and disables them', async () => {
    const page = await open('/administration/members', english);
    await page.getByRole('combobox', { name: 'Tenant' }).selectOption('acme');
    await page.getByText('Nobody has been invited yet.').waitFor();
    await page.getByRole('button', { name: 'Invite a member' }).click();
    const form = page.getByRole('dialog', { name: 'Invite a member' });
    await form.getByLabel('E-mail').fill('lin@example.com');
    await form.getByLabel('Role').selectOption('operator');
    await form.getByRole('button', { name: 'Invite a member' }).click();
    const row = page.getByRole('row', { name: /^lin@example.com/ });
    await row.getByText('Operator').waitFor();
    await row.getByRole('button', { name: 'Disable lin@example.com' }).click();
    await row.getByText('disabled').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    const members = await createClient({ baseUrl: server.url }).listMembers({ tenant: 'acme' });
    expect(members.items.map(({ email, role }) => [email, role])).toEqual([['lin@example.com', 'operator']]);
  });

  test('makes a key that is shown once and copied, rotates and revokes it', async () => {
    const page = await open('/administration/keys', english);
    await page.getByRole('button', { name: 'New key' }).click();
    const form = page.getByRole('dialog', { name: 'New key' });
    await form.getByLabel('Name').fill('web shop');
    await form.getByLabel('Role').selectOption('member');
    await form.getByText('Scopes').click();
    await form.getByLabel('generations:read').check();
    await form.getByLabel('Last day').fill('2090-01-31');
    await form.getByLabel('Requests a minute').fill('60');
    expect(await seriousViolations(page)).toEqual([]);
    await form.getByRole('button', { name: 'Create' }).click();
    const shown = page.getByRole('dialog', { name: 'New key: web shop' });
    const secret = await shown.locator('code').textContent();
    await shown.getByRole('button', { name: 'Copy the key' }).click();
    await page.getByText('Copied', { exact: true }).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(secret);
    expect(await seriousViolations(page)).toEqual([]);
    const who = await clientOf(secret ?? '').whoami();
    expect(who).toMatchObject({ role: 'member', permissions: ['generations:read'] });
    await page.keyboard.press('Escape');
    expect(await page.getByText(secret ?? '').count()).toBe(0);
    await page.getByRole('button', { name: 'Rotate web shop' }).click();
    await page.getByRole('dialog').getByRole('combobox').selectOption({ label: 'not at all' });
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await shown.waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('row').filter({ hasText: 'web shop' }).getByText('expired').waitFor();
    const inForce = page.getByRole('row').filter({ hasText: 'web shop' }).filter({ hasText: 'active' });
    await inForce.getByRole('button', { name: 'Revoke web shop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('row').filter({ hasText: 'web shop' }).getByText('revoked').waitFor();
  });

  test('changes name, rights, end and limits of a key, which goes on under its secret', async () => {
    const key = await server.issueKey({ role: 'member', name: 'press' });
    const page = await open('/administration/keys', english);
    await page.getByRole('button', { name: 'Change press' }).click();
    const form = page.getByRole('dialog', { name: 'Change press' });
    expect(await form.getByLabel('Name').inputValue()).toBe('press');
    expect(await form.getByLabel('Role').inputValue()).toBe('member');
    await form.getByLabel('Name').fill('printing press');
    await form.getByText('Scopes').click();
    await form.getByLabel('generations:read').check();
    await form.getByLabel('Requests a minute').fill('60');
    await form.getByLabel('Pictures in work at once').fill('1');
    await form.getByLabel('Last day').fill('2020-01-31');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('alert').getByText('Some settings do not fit.').waitFor();
    expect(await form.getByLabel('Name').inputValue()).toBe('printing press');
    await form.getByLabel('Last day').fill('2090-01-31');
    expect(await seriousViolations(page)).toEqual([]);
    await form.getByRole('button', { name: 'Save' }).click();
    const row = page.getByRole('row', { name: /^printing press/ });
    await row.getByText('Requests a minute: 60').waitFor();
    await row.getByText('generations:read').waitFor();
    await row.getByText(/2090/).waitFor();
    expect(await clientOf(key).whoami()).toMatchObject({
      name: 'printing press',
      permissions: ['generations:read'],
      limits: { key: { requestsPerMinute: 60, maxRunning: 1 } },
    });
    await row.getByRole('button', { name: 'Change printing press' }).click();
    const again = page.getByRole('dialog', { name: 'Change printing press' });
    await again.getByLabel('generations:read').uncheck();
    await again.getByLabel('Requests a minute').fill('');
    await again.getByRole('button', { name: 'Save' }).click();
    await again.waitFor({ state: 'detached' });
    const { permissions, limits } = await clientOf(key).whoami();
    expect(permissions).toContain('generations:write');
    expect(limits.key).toEqual({ maxRunning: 1 });
    await row.getByRole('button', { name: 'Revoke printing press' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
    expect(await row.getByRole('button').count()).toBe(0);
  });

  test('tells what was used and what it cost, as a chart, by model and as CSV', async () => {
    const page = await open('/administration/usage', english);
    await page.getByRole('img', { name: /^3 pictures in \d+ days?$/ }).waitFor();
    await page.getByLabel('Grouped by').selectOption('model');
    const row = page.getByRole('row').filter({ hasText: '€0.06' });
    await row.waitFor();
    expect(await row.getByRole('rowheader').textContent()).not.toBe('');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    expect((await download).suggestedFilename()).toMatch(/^usage-.*\.csv$/);
    await page.getByLabel('Each picture').fill('0.03');
    await page.getByRole('form', { name: 'Prices' }).getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('lists who did what, narrowed to an act', async () => {
    const page = await open('/administration/audit', english);
    await page.getByRole('row').filter({ hasText: 'tenant.created' }).first().waitFor();
    await page.getByLabel('Act').selectOption('prices.set');
    await page.getByRole('row').filter({ hasText: 'tenant.created' }).first().waitFor({ state: 'detached' });
    const row = page.getByRole('row').filter({ hasText: 'prices.set' }).last();
    await row.getByText('Show').click();
    await row.getByText(/"perPicture": 0\.02/).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('an admin of another tenant finds the own affairs and nothing of the installation', async () => {
    const page = await open('/sign-in', english);
    await page.context().clearCookies();
    const key = await server.issueKey({ tenantId: 'acme', role: 'admin', name: 'desk of Acme' });
    await page.evaluate(
      `fetch('/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"key":"${key}"}' })`,
    );
    await page.goto(`${server.url}/administration`);
    const ways = page.getByRole('navigation', { name: 'Administration' }).getByRole('link');
    await ways.first().waitFor();
    expect(await ways.allTextContents()).toEqual(['Members', 'API keys', 'Usage', 'Audit log']);
    expect(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Operation' }).count()).toBe(
      0,
    );
    await page.getByRole('link', { name: 'API keys' }).click();
    await page.getByRole('row').filter({ hasText: 'desk of Acme' }).waitFor();
    expect(await page.getByRole('combobox', { name: 'Tenant' }).count()).toBe(0);
  });

  test('the queue shows what is mine, my tenant or all tenants, as chosen before, and acts on each', async () => {
    const client = createClient({ baseUrl: server.url });
    await client.pauseQueue();
    const acme = clientOf(await server.issueKey({ tenantId: 'acme', role: 'member', name: 'shop of Acme' }));
    const member = clientOf(await server.issueKey({ role: 'member', name: 'somebody else' }));
    await acme.submitGeneration({ prompt: 'a pot of Acme' });
    await member.submitGeneration({ prompt: 'a pot of somebody' });
    await client.submitGeneration({ prompt: 'a pot of mine' });
    const page = await open('/queue', english);
    const pot = (whose: string) => page.getByRole('article', { name: `Generation: a pot of ${whose}` });
    const whose = page.getByRole('radiogroup', { name: 'Whose pictures' });
    await pot('somebody').waitFor();
    expect(await pot('Acme').count()).toBe(0);
    await whose.getByText('Mine').click();
    await pot('somebody').waitFor({ state: 'detached' });
    await pot('mine').waitFor();
    await page.reload();
    await pot('mine').waitFor();
    expect(await pot('somebody').count()).toBe(0);
    await whose.getByText('All tenants').click();
    await pot('Acme').getByText('Tenant acme').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await pot('Acme').getByRole('button', { name: 'Cancel' }).click();
    await pot('Acme').waitFor({ state: 'detached' });
    for (const rest of ['somebody', 'mine']) await pot(rest).getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Nothing waits. What you draw appears here.').waitFor();
    await client.resumeQueue();
  });

  test('shows the settings as they hold, with their source', async () => {
    const page = await open('/administration/settings', english);
    await page.getByLabel('Search').fill('device');
    const row = page.getByRole('row', { name: /^device/ });
    await row.getByText('fixed:20').waitFor();
    await row.getByText('command line').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('loads, unloads and checks a model, and says why one cannot be pulled', async () => {
    const page = await open('/operation/models', english);
    await page
      .getByRole('button', { name: /^Verify: / })
      .first()
      .click();
    await page.getByText(/^Check of /).waitFor();
    await page
      .getByText(/^(done|failed)$/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Pull a model' }).click();
    const form = page.getByRole('dialog', { name: 'Pull a model' });
    await form.getByLabel('Repository').fill('no good');
    await form.getByRole('button', { name: 'Pull', exact: true }).click();
    await form.getByRole('alert').getByText('Some settings do not fit.').waitFor();
    expect(await form.getByLabel('Repository').inputValue()).toBe('no good');
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('shows the last hours as lines that a reload keeps, who draws, and what pictures cost', async () => {
    const client = createClient({ baseUrl: server.url });
    await client.setBudget({ hard: 10 });
    await expect
      .poll(async () => (await client.getSystemHistory()).samples.length, { timeout: 30_000 })
      .toBeGreaterThan(1);
    const page = await open('/operation', english);
    const charts = page.getByRole('region', { name: 'The last hours' });
    await charts.getByRole('img', { name: /^\d+ pictures in 60 minutes/ }).waitFor();
    // A line that lies flat has no height, which counts as hidden.
    await charts.locator('polyline').first().waitFor({ state: 'attached' });
    await charts.getByText('6 hr').click();
    await charts.getByRole('img', { name: /^\d+ pictures in 360 minutes/ }).waitFor();
    await page.reload();
    await charts.getByRole('img', { name: /^\d+ pictures in 360 minutes/ }).waitFor();
    // A line that lies flat has no height, which counts as hidden.
    await charts.locator('polyline').first().waitFor({ state: 'attached' });
    const worker = page.getByRole('row').filter({ hasText: 'fixed:20' });
    await worker.getByText('ready').waitFor();
    await worker.getByText(/^process \d+$/).waitFor();
    await worker.getByText(/^\d+ s ago$/).waitFor();
    await page.getByText('Cost this month').first().waitFor();
    await page.getByText('Cost of a picture').first().waitFor();
    await page.getByText(/ of €10\.00 spent or reserved\./).waitFor();
    await page.getByRole('region', { name: 'Costs: Model' }).getByRole('row').nth(1).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });
});
