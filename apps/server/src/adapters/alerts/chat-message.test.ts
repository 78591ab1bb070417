import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AlertNotice } from '../../application/alert-ports.ts';
import type { Alert, AlertChannel } from '../../domain/alerting/alert.ts';
import { type AlertRule, defaultRules } from '../../domain/alerting/rule.ts';
import { answerProblem, chatMessage } from './chat-message.ts';
import { noticeText } from './notice-text.ts';

const now = Date.UTC(2026, 10, 25, 12);
const alert: Alert = {
  ...{ id: 'alert_1', rule: defaultRules[0] as AlertRule, firedAt: now, resolvedAt: undefined, value: 0.95 },
  ...{ worst: 0.99, acknowledged: undefined, toldAt: undefined },
};
const notice: AlertNotice = { id: 'notice_1', kind: 'fired', at: now, alert };
const text = noticeText(notice, 'mill <1>', 'en');

function build(kind: Exclude<AlertChannel['kind'], 'mail'>, url: string, secret?: string) {
  const channel = { id: 'c', name: 'c', kind, to: [], url, secret, enabled: true, createdAt: 0 };
  const { payload, ...message } = chatMessage(kind, { channel, notice, text, now });
  return { ...message, payload, body: JSON.parse(payload) as Record<string, unknown> };
}

describe('what people read', () => {
  it('names the rule, the figure with its bound, since when, and what to do', () => {
    expect(text.title).toBe('warning: Devices are busy');
    expect(text.lines.join(' ')).toContain('device_utilization was 95.0 % (alert when above 90.0 % for 300 s)');
    expect(text.lines.join(' ')).toContain('Scale out');
    const over = noticeText(
      { ...notice, kind: 'resolved', alert: { ...alert, resolvedAt: now + 600_000 } },
      'mill',
      'en',
    );
    expect(over.title).toBe('Resolved: Devices are busy');
    expect(over.lines.join(' ')).toContain('after 10 min');
  });

  it('is Chinese where the channel asks for it: rule, figures and advice', () => {
    const chinese = noticeText(notice, '工厂', 'zh-CN');
    expect(chinese.title).toBe('警告：设备繁忙');
    expect(chinese.lines).toEqual([
      '工厂 发生“设备繁忙”，始于 2026-11-25T12:00:00.000Z。',
      '设备平均利用率为 95.0 %（告警条件：高于 90.0 % 持续 300 秒）。',
      '请扩容：增加设备或工作进程，或把批量任务放到夜间。',
    ]);
    const over = { ...notice, kind: 'resolved' as const, alert: { ...alert, resolvedAt: now + 600_000 } };
    expect(noticeText(over, '工厂', 'zh-CN').title).toBe('已恢复：设备繁忙');
    expect(noticeText({ ...notice, alert: undefined, kind: 'test' }, '工厂', 'zh-CN').title).toContain('测试');
  });

  it('has every default rule in Chinese, and names that somebody gave as they are', () => {
    for (const rule of defaultRules) {
      const { title, lines } = noticeText({ ...notice, alert: { ...alert, rule } }, 'mill', 'zh-CN');
      expect([title, ...lines].join(''), rule.id).not.toContain(rule.name);
      expect([title, ...lines].join(''), rule.id).not.toContain(rule.advice);
    }
    const rule = { ...(defaultRules[0] as AlertRule), name: 'Night shift', advice: 'Call Li.' };
    const own = noticeText({ ...notice, alert: { ...alert, rule } }, 'mill', 'zh-CN');
    expect(own.title).toBe('警告：Night shift');
    expect(own.lines.at(-1)).toBe('Call Li.');
  });

  it('is both, English first, where both are asked for', () => {
    const both = noticeText(notice, 'mill', 'both');
    expect(both.title).toBe('warning: Devices are busy · 警告：设备繁忙');
    expect(both.lines).toHaveLength(6);
    const channel = { id: 'c', name: 'c', kind: 'feishu' as const, to: [], url: 'https://open.feishu.cn/x' };
    const input = { channel: { ...channel, secret: undefined, enabled: true, createdAt: 0 }, notice, text: both, now };
    const { content } = JSON.parse(chatMessage('feishu', input).payload) as { content: { post: object } };
    expect(content.post).toMatchObject({ en_us: { title: text.title }, zh_cn: { title: '警告：设备繁忙' } });
  });
});

describe('a message to Feishu', () => {
  it('is a post, signed with the seconds and the secret as the key of an empty text', () => {
    const { body } = build('feishu', 'https://open.feishu.cn/open-apis/bot/v2/hook/abc', 'secret');
    const timestamp = String(now / 1_000);
    expect(body).toMatchObject({ msg_type: 'post', timestamp });
    expect(body['sign']).toBe(createHmac('sha256', `${timestamp}\nsecret`).update('').digest('base64'));
    expect(body['content']).toMatchObject({ post: { en_us: { title: text.title } } });
    expect(build('feishu', 'https://open.feishu.cn/x').body).not.toHaveProperty('sign');
  });
});

describe('a message to DingTalk', () => {
  it('is markdown; its address carries the milliseconds and the signature, and keeps its token', () => {
    const { body, url } = build('dingtalk', 'https://oapi.dingtalk.com/robot/send?access_token=t', 'SECx');
    const parameters = new URL(url).searchParams;
    expect(parameters.get('access_token')).toBe('t');
    expect(parameters.get('timestamp')).toBe(String(now));
    expect(parameters.get('sign')).toBe(createHmac('sha256', 'SECx').update(`${now}\nSECx`).digest('base64'));
    expect(url).not.toContain('+');
    expect(body).toMatchObject({ msgtype: 'markdown', markdown: { title: text.title } });
  });
});

describe('a message to WeCom', () => {
  it('is markdown of at most 4096 bytes, cut between characters', () => {
    const long = { ...text, lines: ['图'.repeat(5_000)] };
    const channel = { id: 'c', name: 'c', kind: 'wecom' as const, to: [], url: 'https://qyapi.weixin.qq.com/x' };
    const input = { channel: { ...channel, secret: undefined, enabled: true, createdAt: 0 }, notice, text: long, now };
    const { markdown } = JSON.parse(chatMessage('wecom', input).payload) as { markdown: { content: string } };
    expect(Buffer.byteLength(markdown.content)).toBeLessThanOrEqual(4_096);
    expect(markdown.content).not.toContain('\uFFFD');
  });
});

describe('a message to Slack', () => {
  it('has blocks and a text for notifications, its special characters escaped', () => {
    const { body } = build('slack', 'https://hooks.slack.com/services/a/b/c');
    expect(body['text']).toContain('mill &lt;1&gt;');
    expect(body['blocks']).toMatchObject([{ type: 'header' }, { type: 'section' }]);
  });
});

describe('a message to a plain webhook', () => {
  it('holds the whole alert and is signed as Standard Webhooks has it', () => {
    const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
    const { headers, payload, body } = build('webhook', 'https://example.com', secret);
    expect(body).toMatchObject({ type: 'alert.fired', data: { alert: { rule: { id: 'device-busy' }, value: 0.95 } } });
    const key = Buffer.from(secret.slice(6), 'base64');
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${payload}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  });
});

describe('an answer', () => {
  it('of a service that always says 200 is read for what it says', () => {
    expect(answerProblem('dingtalk', '{"errcode":0,"errmsg":"ok"}')).toBeUndefined();
    expect(answerProblem('dingtalk', '{"errcode":310000,"errmsg":"sign not match"}')).toContain(
      '310000 sign not match',
    );
    expect(answerProblem('wecom', '{"errcode":93000,"errmsg":"invalid webhook url"}')).toContain('93000');
    expect(answerProblem('feishu', '{"code":0,"msg":"success"}')).toBeUndefined();
    expect(answerProblem('feishu', '{"StatusCode":0,"StatusMessage":"success"}')).toBeUndefined();
    expect(answerProblem('feishu', '{"code":19021,"msg":"sign match fail"}')).toContain('19021 sign match fail');
    expect(answerProblem('feishu', '<html>')).toBeDefined();
    expect(answerProblem('slack', 'ok')).toBeUndefined();
  });
});
