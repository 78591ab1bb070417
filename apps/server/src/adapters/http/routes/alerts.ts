import {
  type Alert as ApiAlert,
  type AlertChannel as ApiChannel,
  type AlertNotice as ApiNotice,
  type AlertRule as ApiRule,
  type AlertSilence as ApiSilence,
  acknowledgeRequestSchema,
  alertChannelListSchema,
  alertChannelRequestSchema,
  alertChannelSchema,
  alertDetailSchema,
  alertNoticeSchema,
  alertPageSchema,
  alertParamsSchema,
  alertRuleChangeSchema,
  alertRuleListSchema,
  alertRuleRequestSchema,
  alertRuleSchema,
  alertSchema,
  alertSilenceListSchema,
  alertSilenceRequestSchema,
  alertSilenceSchema,
  listAlertsQuerySchema,
} from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ManageAlerts, RuleRecord } from '../../../application/manage-alerts.ts';
import type { Act } from '../../../application/write-audit.ts';
import type { Alert, AlertChannel, AlertDelivery, Silence } from '../../../domain/alerting/alert.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { callerOf } from '../tenant.ts';

export interface AlertRoutePorts {
  readonly alerts: ManageAlerts;
  /** Ids of channels that the settings make. */
  readonly fixedChannels: readonly string[];
  readonly now: () => number;
}

const read = { permission: 'operations:read' } as const;
const manage = { permission: 'operations:manage' } as const;
const tags = ['operation'];
const changeProblems = problems(404, 409, 413, 415, 422, 507);

/** Alerts of the installation: what fires, the rules, where it is sent, what is kept back. */
export function addAlertRoutes(app: App, ports: AlertRoutePorts): void {
  addHistoryRoutes(app, ports.alerts);
  addRuleRoutes(app, ports.alerts);
  addChannelRoutes(app, ports);
  addSilenceRoutes(app, ports);
}

function addHistoryRoutes(app: App, alerts: ManageAlerts): void {
  app.get(
    '/v1/alerts',
    {
      config: read,
      schema: {
        operationId: 'listAlerts',
        summary: 'What fires and what fired, newest first',
        tags,
        querystring: listAlertsQuerySchema,
        response: { 200: json('One page', alertPageSchema), ...problems(422) },
      },
    },
    async (request) => {
      const { limit, cursor, state } = request.query;
      const found = await alerts.alerts({ limit: limit + 1, after: cursor, state });
      const items = found.slice(0, limit);
      return { items: items.map(presentAlert), nextCursor: found.length > limit ? items.at(-1)?.id : undefined };
    },
  );

  app.get(
    '/v1/alerts/:id',
    {
      config: read,
      schema: {
        operationId: 'getAlert',
        summary: 'One alert, with what was sent about it',
        tags,
        params: alertParamsSchema,
        response: { 200: json('The alert', alertDetailSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { alert, deliveries } = await alerts.alert(request.params.id);
      return { ...presentAlert(alert), notices: deliveries.map(presentNotice) };
    },
  );

  app.post(
    '/v1/alerts/:id/acknowledge',
    {
      config: manage,
      schema: {
        operationId: 'acknowledgeAlert',
        summary: 'Say that somebody is at it; it is not told of again',
        tags,
        params: alertParamsSchema,
        body: acknowledgeRequestSchema,
        response: { 200: json('The alert', alertSchema), ...changeProblems },
      },
    },
    async (request) => presentAlert(await alerts.acknowledge(actOf(request), request.params.id, request.body.comment)),
  );
}

function addRuleRoutes(app: App, alerts: ManageAlerts): void {
  app.get(
    '/v1/alert-rules',
    {
      config: read,
      schema: {
        operationId: 'listAlertRules',
        summary: 'The rules, and where each stands',
        tags,
        response: { 200: json('All of them', alertRuleListSchema), ...problems() },
      },
    },
    async () => ({ items: (await alerts.rules()).map(presentRule) }),
  );

  app.post(
    '/v1/alert-rules',
    {
      config: manage,
      schema: {
        operationId: 'createAlertRule',
        summary: 'Add a rule',
        tags,
        body: alertRuleRequestSchema,
        response: { 201: json('Made', alertRuleSchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const { clearThreshold = request.body.threshold, ...rule } = request.body;
      return reply.code(201).send(presentRule(await alerts.addRule(actOf(request), { ...rule, clearThreshold })));
    },
  );

  app.patch(
    '/v1/alert-rules/:id',
    {
      config: manage,
      schema: {
        operationId: 'changeAlertRule',
        summary: 'Change a rule, also one of the defaults',
        tags,
        params: alertParamsSchema,
        body: alertRuleChangeSchema,
        response: { 200: json('The rule', alertRuleSchema), ...changeProblems },
      },
    },
    async (request) => {
      const change = Object.fromEntries(Object.entries(request.body).filter(([, value]) => value !== undefined));
      return presentRule(await alerts.changeRule(actOf(request), request.params.id, change));
    },
  );

  app.delete(
    '/v1/alert-rules/:id',
    {
      config: manage,
      schema: {
        operationId: 'deleteAlertRule',
        summary: 'Delete a rule; one of the defaults is as it was again',
        tags,
        params: alertParamsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problems(404, 422, 507) },
      },
    },
    async (request, reply) => {
      await alerts.removeRule(actOf(request), request.params.id);
      return reply.code(204).send();
    },
  );
}

function addChannelRoutes(app: App, { alerts, fixedChannels }: AlertRoutePorts): void {
  const present = (channel: AlertChannel): ApiChannel => presentChannel(channel, fixedChannels.includes(channel.id));

  app.get(
    '/v1/alert-channels',
    {
      config: read,
      schema: {
        operationId: 'listAlertChannels',
        summary: 'Where alerts are sent',
        tags,
        response: { 200: json('All of them', alertChannelListSchema), ...problems() },
      },
    },
    async () => ({ items: (await alerts.channels()).map(present) }),
  );

  app.post(
    '/v1/alert-channels',
    {
      config: manage,
      schema: {
        operationId: 'createAlertChannel',
        summary: 'Have alerts sent somewhere: mail, Feishu, DingTalk, WeCom, Slack or a webhook',
        description: 'Addresses inside the network of the server must be allowed by the setting webhookAllowedHosts.',
        tags,
        body: alertChannelRequestSchema,
        response: { 201: json('Made', alertChannelSchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const { url, secret, ...settings } = request.body;
      return reply.code(201).send(present(await alerts.addChannel(actOf(request), { ...settings, url, secret })));
    },
  );

  app.delete(
    '/v1/alert-channels/:id',
    {
      config: manage,
      schema: {
        operationId: 'deleteAlertChannel',
        summary: 'Delete a channel',
        tags,
        params: alertParamsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problems(404, 422, 507) },
      },
    },
    async (request, reply) => {
      await alerts.removeChannel(actOf(request), request.params.id);
      return reply.code(204).send();
    },
  );

  addNoticeRoutes(app, alerts);
}

function addNoticeRoutes(app: App, alerts: ManageAlerts): void {
  app.post(
    '/v1/alert-channels/:id/test',
    {
      config: manage,
      schema: {
        operationId: 'testAlertChannel',
        summary: 'Send a test',
        tags,
        params: alertParamsSchema,
        response: { 202: json('Under way', alertNoticeSchema), ...changeProblems },
      },
    },
    async (request, reply) =>
      reply.code(202).send(presentNotice(await alerts.testChannel(actOf(request), request.params.id))),
  );

  app.get(
    '/v1/alert-notices/:id',
    {
      config: read,
      schema: {
        operationId: 'getAlertNotice',
        summary: 'What became of a message, for example of a test',
        tags,
        params: alertParamsSchema,
        response: { 200: json('The message', alertNoticeSchema), ...problems(404, 422) },
      },
    },
    async (request) => presentNotice(await alerts.delivery(request.params.id)),
  );
}

function addSilenceRoutes(app: App, { alerts, now }: AlertRoutePorts): void {
  app.get(
    '/v1/alert-silences',
    {
      config: read,
      schema: {
        operationId: 'listAlertSilences',
        summary: 'What is kept back now',
        tags,
        response: { 200: json('All of them', alertSilenceListSchema), ...problems() },
      },
    },
    async () => ({ items: (await alerts.silences()).map(presentSilence) }),
  );

  app.post(
    '/v1/alert-silences',
    {
      config: manage,
      schema: {
        operationId: 'createAlertSilence',
        summary: 'Keep alerts of a rule, or of all, from being sent for a while',
        tags,
        body: alertSilenceRequestSchema,
        response: { 201: json('Made', alertSilenceSchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const { ruleId, minutes, comment } = request.body;
      const until = Math.round(now() + minutes * 60_000);
      return reply.code(201).send(presentSilence(await alerts.silence(actOf(request), { ruleId, until, comment })));
    },
  );

  app.delete(
    '/v1/alert-silences/:id',
    {
      config: manage,
      schema: {
        operationId: 'deleteAlertSilence',
        summary: 'End a silence',
        tags,
        params: alertParamsSchema,
        response: { 204: z.undefined().describe('Ended'), ...problems(404, 422, 507) },
      },
    },
    async (request, reply) => {
      await alerts.unsilence(actOf(request), request.params.id);
      return reply.code(204).send();
    },
  );
}

function actOf(request: FastifyRequest): Act {
  return { caller: callerOf(request), address: request.ip };
}

function presentAlert({ id, rule, firedAt, resolvedAt, value, worst, acknowledged }: Alert): ApiAlert {
  const { id: ruleId, name, signal, comparison, threshold, severity, advice } = rule;
  return {
    ...{ id, ruleId, name, signal, comparison, threshold, severity, advice },
    ...{ state: resolvedAt === undefined ? 'firing' : 'resolved', firedAt: time(firedAt), value, worst },
    resolvedAt: resolvedAt === undefined ? undefined : time(resolvedAt),
    acknowledged: acknowledged && { ...acknowledged, at: time(acknowledged.at) },
  };
}

function presentRule({ rule, state, isDefault }: RuleRecord): ApiRule {
  return { ...rule, isDefault, phase: state.phase };
}

function presentChannel(
  { id, name, kind, to, url, secret, language, enabled }: AlertChannel,
  isFixed: boolean,
): ApiChannel {
  const target = kind === 'mail' ? to.join(', ') : new URL(url ?? 'http://unknown').host;
  return { id, name, kind, target, isSigned: secret !== undefined, language, enabled, isFixed };
}

function presentNotice(delivery: AlertDelivery): ApiNotice {
  const { id, channelId, kind, state, attempts, createdAt, nextAt, problem } = delivery;
  return {
    ...{ id, channelId, kind, state, attempts, problem, createdAt: time(createdAt) },
    nextAttemptAt: state === 'pending' ? time(nextAt) : undefined,
  };
}

function presentSilence({ id, ruleId, createdAt, until, by, comment }: Silence): ApiSilence {
  return { id, ruleId, by, comment, createdAt: time(createdAt), until: time(until) };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
