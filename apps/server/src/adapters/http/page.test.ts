import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '@imagemill/api';
import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addNotFound } from './known-routes.ts';
import { addPage } from './page.ts';
import { addSecurity } from './security.ts';

describe('the page', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'imagemill-page-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function serve() {
    const app = fastify();
    addNotFound(app);
    addSecurity(app, new Set(['localhost']));
    await addPage(app, folder);
    return (url: string) => app.inject({ url, headers: { host: 'localhost:7860' } });
  }

  it('is served with a policy that lets nothing run but its own files', async () => {
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Imagemill</title>');
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'assets', 'app-12ab.js'), 'export {};');
    const get = await serve();
    const page = await get('/');
    expect([page.statusCode, page.payload]).toEqual([200, '<!doctype html><title>Imagemill</title>']);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    });
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain('unsafe');
    const script = await get('/assets/app-12ab.js');
    expect(script.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable' });
    for (const url of ['/assets/../../package.json', '/assets/%2e%2e/%2e%2e/package.json', '/nothing.js']) {
      expect((await get(url)).statusCode).toBe(404);
    }
  });

  it('is the answer to the paths that it leads to itself, with the same policy, and to no other', async () => {
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Imagemill</title>');
    const get = await serve();
    const queue = await get('/queue');
    expect([queue.statusCode, queue.payload]).toEqual([200, '<!doctype html><title>Imagemill</title>']);
    expect(String(queue.headers['content-security-policy'])).toContain("default-src 'self'");
    for (const url of ['/queue/', '/operation/', '/operation/models', '/operation/models/']) {
      expect((await get(url)).statusCode).toBe(200);
    }
    expect((await get('/elsewhere')).statusCode).toBe(404);
  });

  it('says how to build it when it is not built', async () => {
    const answer = await (await serve())('/');
    expect(answer.statusCode).toBe(404);
    expect(answer.json<Problem>().detail).toContain('npm run build:web');
  });
});
