import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { AlertTransaction } from '../../apps/server/src/application/alert-ports.ts';
import { compose } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { type ReceivedMail, startMailServer } from '../support/mail-server.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts, testConfig, untilReady } from '../support/server-parts.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const opened: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
/** Signals are looked at as fast as a test wants to wait. */
const quick = { model, alertIntervalSeconds: 0.02, alertRetrySeconds: [0.02, 0.02, 0.02] };

async function open(settings: Parameters<typeof openParts>[0] = {}): Promise<Opened> {
  const parts = await openParts({ ...quick, ...settings });
  opened.push(() => parts.close());
  await untilReady(parts);
  return parts;
}

async function call<T = Record<string, never>>(
  { app }: Pick<Opened, 'app'>,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  payload?: object,
): Promise<{ readonly status: number; readonly body: T }> {
  const answer = await app.inject({ method, url, ...(payload && { payload }) });
  return { status: answer.statusCode, body: (answer.body === '' ? {} : answer.json()) as T };
}

interface AlertBody {
  readonly id: string;
  readonly ruleId: string;
  readonly state: string;
  readonly value: number;
  readonly acknowledged?: { readonly by: string; readonly comment: string };
  readonly notices?: readonly {
    readonly kind: string;
    readonly state: string;
    readonly attempts: number;
    problem?: string;
  }[];
}

/** Asks until the answer fits; a test that never gets it runs into its time limit. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  while (true) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function alertOf(parts: Opened, ruleId: string, state = 'firing'): Promise<AlertBody> {
  return until(async () => {
    const { body } = await call<{ items: AlertBody[] }>(parts, 'GET', `/v1/alerts?state=${state}`);
    return body.items.find((alert) => alert.ruleId === ruleId);
  });
}

function noticesOf(parts: Opened, id: string, fits: (alert: AlertBody) => boolean): Promise<AlertBody> {
  return until(async () => {
    const { body } = await call<AlertBody>(parts, 'GET', `/v1/alerts/${id}`);
    return fits(body) ? body : undefined;
  });
}

/** Makes jobs wait: nothing is claimed while the queue is paused. */
async function fillQueue(parts: Opened, count: number): Promise<void> {
  await call(parts, 'POST', '/v1/queue/pause');
  for (let left = count; left > 0; left -= 50) {
    await call(parts, 'POST', '/v1/generations', {
      prompt: 'a secret prompt',
      model: 'demo',
      count: Math.min(50, left),
      steps: 1,
    });
  }
}

/** The subject of a mail, its encoded words read. */
function subjectOf({ raw }: ReceivedMail): string {
  const words = [...raw.matchAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi)].map(([, how, word = '']) =>
    how === 'B'
      ? Buffer.from(word, 'base64')
      : Buffer.from(decodeURIComponent(word.replaceAll('_', ' ').replaceAll('=', '%'))),
  );
  return Buffer.concat(words).toString('utf8');
}

const atOnce = { forSeconds: 0, clearForSeconds: 0 };

describe('the rules of a new installation', () => {
  it('are the three of the specification, and those for an engine that is down, a budget that is spent, and clusters', async () => {
    const parts = await open();
    const { body } = await call<{ items: Record<string, unknown>[] }>(parts, 'GET', '/v1/alert-rules');
    expect(body.items).toMatchObject([
      { id: 'device-busy', signal: 'device_utilization', comparison: 'above', threshold: 0.9, forSeconds: 300 },
      { id: 'queue-long', signal: 'queue_length', threshold: 100 },
      { id: 'error-rate', signal: 'error_rate', threshold: 0.01, channels: ['mail'] },
      { id: 'engine-down', signal: 'engines_down', threshold: 0 },
      { id: 'budget-reached', signal: 'budgets_reached', threshold: 0, forSeconds: 0 },
      { id: 'model-missing', signal: 'jobs_unserved', threshold: 0 },
      { id: 'standby-behind', signal: 'standby_lag_seconds', threshold: 30 },
    ]);
  });

  it('can be changed, and are back when the change is deleted; what makes no sense is refused', async () => {
    const parts = await open();
    const changed = await call<{ threshold: number; clearThreshold: number }>(
      ...[parts, 'PATCH' as const, '/v1/alert-rules/queue-long', { threshold: 10 }],
    );
    expect(changed.body).toMatchObject({ threshold: 10, clearThreshold: 10, isDefault: true });
    const wrong = await call(parts, 'PATCH', '/v1/alert-rules/queue-long', { clearThreshold: 11 });
    expect(wrong).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    const lost = await call(parts, 'PATCH', '/v1/alert-rules/queue-long', { channels: ['nowhere'] });
    expect(lost).toMatchObject({ status: 422 });
    expect((await call(parts, 'DELETE', '/v1/alert-rules/queue-long')).status).toBe(204);
    const { body } = await call<{ items: { id: string; threshold: number }[] }>(parts, 'GET', '/v1/alert-rules');
    expect(body.items.find(({ id }) => id === 'queue-long')?.threshold).toBe(100);
    expect(await call(parts, 'DELETE', '/v1/alert-rules/nothing')).toMatchObject({ status: 404 });
  });
});

describe('an alert', () => {
  it('fires by mail when the queue is long, is resolved when it is not, and tells no prompt', async () => {
    const mail = await startMailServer({ login: { user: 'mill', password: 'p@ss word' } });
    opened.push(() => mail[Symbol.asyncDispose]());
    const parts = await open({
      ...{
        smtpUrl: mail.url,
        mailFrom: 'Mill <mill@example.com>',
        alertMailTo: ['ops@example.com', 'second@example.com'],
      },
      installationName: 'hall 7',
    });
    await call(parts, 'PATCH', '/v1/alert-rules/queue-long', atOnce);
    await fillQueue(parts, 101);
    const fired = await mail.until(({ text }) => text.includes('Subject: warning: The queue is long'));
    expect(fired).toMatchObject({ from: 'mill@example.com', to: ['ops@example.com', 'second@example.com'] });
    expect(fired.text).toContain('hall 7');
    expect(fired.text).toContain('queue_length was 101');
    expect(fired.text).not.toContain('secret');
    expect(fired.text).not.toContain('p@ss');

    await call(parts, 'POST', '/v1/queue/resume');
    await mail.until(({ text }) => text.includes('Subject: Resolved: The queue is long'));
    const alert = await alertOf(parts, 'queue-long', 'resolved');
    const { notices } = await noticesOf(
      parts,
      alert.id,
      (one) => one.notices?.every(({ state }) => state === 'delivered') ?? false,
    );
    expect(notices).toMatchObject([{ kind: 'fired' }, { kind: 'resolved' }]);
  });

  it('is told in Chinese where the channel, or the whole server, is set so', async () => {
    const mail = await startMailServer();
    opened.push(() => mail[Symbol.asyncDispose]());
    const parts = await open({ smtpUrl: mail.url, alertMailTo: ['a@example.com'], alertLanguage: 'zh-CN' });
    await call(parts, 'POST', '/v1/alert-channels/mail/test');
    expect(subjectOf(await mail.until(({ to }) => to[0] === 'a@example.com'))).toBe('Imagemill：通知渠道测试');
    const other = { name: 'b', kind: 'mail', to: ['b@example.com'], language: 'both' };
    const made = await call<{ id: string }>(parts, 'POST', '/v1/alert-channels', other);
    expect(made).toMatchObject({ status: 201, body: { language: 'both' } });
    await call(parts, 'POST', `/v1/alert-channels/${made.body.id}/test`);
    const both = await mail.until(({ to }) => to[0] === 'b@example.com');
    expect(subjectOf(both)).toBe('Imagemill: test of this channel · Imagemill：通知渠道测试');
  });

  it('fires when pictures fail, once, with the share of those that did', async () => {
    const parts = await open({
      device: 'cpu',
      maxAttempts: 1,
      maxPixels: 1_048_576,
      memoryReserveBytes: 1_099_511_627_776,
      calibrate: false,
    });
    await call(parts, 'PATCH', '/v1/alert-rules/error-rate', { ...atOnce, channels: [] });
    await call(parts, 'POST', '/v1/generations', { prompt: 'x', model: 'demo', steps: 1 });
    const alert = await alertOf(parts, 'error-rate');
    expect(alert).toMatchObject({ value: 1, state: 'firing' });
    expect(await parts.metrics.read()).toContain('imagemill_attempts_total{outcome="failed"');
  });

  it('goes to every kind of chat and to a signed webhook, and only to hosts that are allowed', async () => {
    const receiver = await startReceiver();
    opened.push(() => receiver[Symbol.asyncDispose]());
    const parts = await open({ webhookAllowedHosts: ['127.0.0.1'] });
    for (const kind of ['feishu', 'dingtalk', 'wecom', 'slack', 'webhook']) {
      const url = `${receiver.url}/${kind}?token=very-secret`;
      const made = await call(parts, 'POST', '/v1/alert-channels', { name: kind, kind, url, secret: 'hush-hush' });
      expect(made).toMatchObject({ status: 201, body: { kind, isSigned: true } });
      expect(JSON.stringify(made.body)).not.toMatch(/very-secret|hush-hush/);
    }
    const inside = await call(parts, 'POST', '/v1/alert-channels', {
      name: 'x',
      kind: 'slack',
      url: 'https://10.0.0.1/',
    });
    expect(inside).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    const noMail = await call(parts, 'POST', '/v1/alert-channels', { name: 'x', kind: 'mail', to: ['a@example.com'] });
    expect(noMail.status).toBe(422);

    await call(parts, 'PATCH', '/v1/alert-rules/queue-long', { threshold: 0, ...atOnce });
    await fillQueue(parts, 1);
    for (const kind of ['feishu', 'dingtalk', 'wecom', 'slack', 'webhook']) {
      const { body } = await receiver.until(({ path }) => path.includes(`/${kind}`));
      expect(body).toContain('The queue is long');
    }
  });

  it('whose mail server is down is sent when it is back, and what failed is counted', async () => {
    const lost = await startMailServer();
    const { port, url } = lost;
    await lost[Symbol.asyncDispose]();
    const pauses = Array.from({ length: 20 }, () => 0.1);
    const parts = await open({ smtpUrl: url, alertMailTo: ['ops@example.com'], alertRetrySeconds: pauses });
    await call(parts, 'PATCH', '/v1/alert-rules/queue-long', { threshold: 0, ...atOnce });
    await fillQueue(parts, 1);
    const { id } = await alertOf(parts, 'queue-long');
    const failing = await noticesOf(parts, id, (alert) => (alert.notices?.[0]?.attempts ?? 0) > 0);
    expect(failing.notices?.[0]).toMatchObject({ state: 'pending' });
    expect(failing.notices?.[0]?.problem).toContain('ECONNREFUSED');
    const mail = await startMailServer({ port });
    opened.push(() => mail[Symbol.asyncDispose]());
    await mail.until(({ text }) => text.includes('The queue is long'));
    await noticesOf(parts, id, (alert) => alert.notices?.[0]?.state === 'delivered');
    const text = await parts.metrics.read();
    expect(text).toMatch(/imagemill_messages_total\{channel="mail",outcome="failed"\} [1-9]/);
    expect(text).toMatch(/imagemill_messages_total\{channel="mail",outcome="delivered"\} 1/);
  });

  it('is given up after the last pause, which stands in its history', async () => {
    const receiver = await startReceiver();
    opened.push(() => receiver[Symbol.asyncDispose]());
    receiver.answer(500);
    const parts = await open({ webhookAllowedHosts: ['127.0.0.1'] });
    const made = await call<{ id: string }>(parts, 'POST', '/v1/alert-channels', {
      name: 'x',
      kind: 'slack',
      url: receiver.url,
    });
    const test = await call<{ id: string }>(parts, 'POST', `/v1/alert-channels/${made.body.id}/test`);
    expect(test.status).toBe(202);
    const ended = await until(async () => {
      const { body } = await call<{ state: string; attempts: number; problem: string }>(
        parts,
        'GET',
        `/v1/alert-notices/${test.body.id}`,
      );
      return body.state === 'given_up' ? body : undefined;
    });
    expect(ended).toMatchObject({ attempts: 4, problem: 'It answered 500.' });
  });

  it('that is silenced is kept, not sent, until the silence ends; one that is acknowledged names who is at it', async () => {
    const receiver = await startReceiver();
    opened.push(() => receiver[Symbol.asyncDispose]());
    const parts = await open({ webhookAllowedHosts: ['127.0.0.1'] });
    await call(parts, 'POST', '/v1/alert-channels', { name: 'x', kind: 'slack', url: receiver.url });
    const silence = await call<{ id: string }>(parts, 'POST', '/v1/alert-silences', {
      ruleId: 'queue-long',
      minutes: 5,
      comment: 'night run',
    });
    expect(silence).toMatchObject({ status: 201, body: { by: expect.any(String), comment: 'night run' } });
    await call(parts, 'PATCH', '/v1/alert-rules/queue-long', { threshold: 0, ...atOnce });
    await fillQueue(parts, 1);
    const { id } = await alertOf(parts, 'queue-long');
    expect((await call<AlertBody>(parts, 'GET', `/v1/alerts/${id}`)).body.notices).toEqual([]);
    const taken = await call<AlertBody>(parts, 'POST', `/v1/alerts/${id}/acknowledge`, { comment: 'on my way' });
    expect(taken.body.acknowledged).toMatchObject({ comment: 'on my way' });
    expect((await call(parts, 'DELETE', `/v1/alert-silences/${silence.body.id}`)).status).toBe(204);
    await receiver.until(({ body }) => body.includes('The queue is long'));
    const audit = await call<{ items: { action: string }[] }>(parts, 'GET', '/v1/audit');
    expect(audit.body.items.map(({ action }) => action)).toEqual(
      expect.arrayContaining([
        'alert.silenced',
        'alert.unsilenced',
        'alert.acknowledged',
        'alert_rule.changed',
        'alert_channel.created',
      ]),
    );
  });

  it('outlives a restart: it is told of once, and resolved by the server that follows', async () => {
    const config = await testConfig({ ...quick, webhookAllowedHosts: ['127.0.0.1'] });
    const receiver = await startReceiver();
    opened.push(() => receiver[Symbol.asyncDispose]());
    const first = { ...(await compose(config, { version: '1', log: quietLog })), config };
    await call(first, 'POST', '/v1/alert-channels', { name: 'x', kind: 'slack', url: receiver.url });
    await call(first, 'PATCH', '/v1/alert-rules/queue-long', { threshold: 0, ...atOnce });
    await fillQueue(first, 1);
    await receiver.until(({ body }) => body.includes('The queue is long'));
    await first.close();
    const second = { ...(await compose(config, { version: '1', log: quietLog })), config };
    opened.push(() => second.close());
    await untilReady(second);
    await call(second, 'POST', '/v1/queue/resume');
    await receiver.until(({ body }) => body.includes('Resolved: The queue is long'));
    expect(receiver.messages.filter(({ body }) => body.includes('warning: The queue is long'))).toHaveLength(1);
  });
});

describe('the watch', () => {
  it('is held by one process at a time and passes on when its holder falls silent', async () => {
    const parts = await open({ alertIntervalSeconds: 300 });
    const take = (holder: string, now: number) =>
      parts.store.transact(({ alerts }: { alerts: AlertTransaction }) =>
        alerts.takeLease({ name: 'test', holder, now, until: now + 10 }),
      );
    expect(await take('a', 0)).toBe(true);
    expect(await take('b', 5)).toBe(false);
    expect(await take('a', 8)).toBe(true);
    expect(await take('b', 17)).toBe(false);
    expect(await take('b', 18)).toBe(true);
    expect(await take('a', 19)).toBe(false);
    await parts.store.transact(({ alerts }) => alerts.giveLeaseBack('test', 'b'));
    expect(await take('a', 20)).toBe(true);
  });
});

describe('who may see and change alerts', () => {
  it('is who has the right of the installation', async () => {
    const parts = await open({ requireKey: true, alertIntervalSeconds: 300 });
    const statusFor = async (wanted: Parameters<typeof issueKey>[1], method: 'GET' | 'PATCH'): Promise<number> => {
      const { headers } = await issueKey(parts, wanted);
      const url = method === 'GET' ? '/v1/alerts' : '/v1/alert-rules/queue-long';
      return (
        await parts.app.inject({ method, url, headers, ...(method === 'PATCH' && { payload: { threshold: 99 } }) })
      ).statusCode;
    };
    expect(await statusFor({ role: 'member' }, 'GET')).toBe(403);
    expect(await statusFor({ tenant: 'acme', role: 'admin' }, 'GET')).toBe(403);
    expect(await statusFor({ role: 'operator', scopes: ['operations:read'] }, 'GET')).toBe(200);
    expect(await statusFor({ role: 'operator', scopes: ['operations:read'] }, 'PATCH')).toBe(403);
    expect(await statusFor({ role: 'operator' }, 'PATCH')).toBe(200);
  });
});
