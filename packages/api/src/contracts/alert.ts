import { z } from 'zod';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { timestampSchema } from './primitives.ts';

/** Figures of the installation that rules may bound. */
export const alertSignals = [
  'device_utilization',
  'queue_length',
  'oldest_wait_seconds',
  'error_rate',
  'dead_letters',
  'engines_down',
  'free_disk_bytes',
  'message_failures',
  'budgets_reached',
  'clock_skew_seconds',
  'standby_lag_seconds',
  'jobs_unserved',
] as const;
export type AlertSignal = (typeof alertSignals)[number];

export const alertSeverities = ['info', 'warning', 'critical'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

export const alertComparisons = ['above', 'below'] as const;
export type AlertComparison = (typeof alertComparisons)[number];

export const alertChannelKinds = ['mail', 'feishu', 'dingtalk', 'wecom', 'slack', 'webhook'] as const;
export type AlertChannelKind = (typeof alertChannelKinds)[number];

export const alertLanguages = ['en', 'zh-CN', 'both'] as const;
export type AlertLanguage = (typeof alertLanguages)[number];

const id = z.string().min(1).max(100);
const duration = z.number().min(0).max(604_800);
const comment = z.string().max(500);
const figure = z.number().min(-1e15).max(1e15);

const ruleFields = {
  name: z.string().min(1).max(100),
  signal: z.enum(alertSignals),
  comparison: z.enum(alertComparisons),
  threshold: figure,
  clearThreshold: figure.meta({ description: 'How far back the signal must come, so that an alert does not flap' }),
  forSeconds: duration,
  clearForSeconds: duration,
  severity: z.enum(alertSeverities),
  advice: comment.meta({ description: 'What to do about it' }),
  channels: z.array(id).max(50).meta({ description: 'Ids of channels; an empty list stands for all that are enabled' }),
  repeatSeconds: duration.meta({ description: 'Told again this often until somebody acknowledges it; 0 tells once' }),
  enabled: z.boolean(),
};

/** What an operator may set of a rule. */
export interface AlertRuleFields {
  readonly name: string;
  readonly signal: AlertSignal;
  /** The side of the threshold that is bad. */
  readonly comparison: AlertComparison;
  readonly threshold: number;
  readonly clearThreshold: number;
  readonly forSeconds: number;
  readonly clearForSeconds: number;
  readonly severity: AlertSeverity;
  readonly advice: string;
  readonly channels: readonly string[];
  readonly repeatSeconds: number;
  readonly enabled: boolean;
}

/** Body of `POST /v1/alert-rules`. */
export type AlertRuleRequest = Omit<AlertRuleFields, 'clearThreshold'> & {
  /** @default the threshold */
  readonly clearThreshold?: number | undefined;
};

export const alertRuleRequestSchema: z.ZodType<AlertRuleRequest, unknown> = z
  .strictObject({
    ...ruleFields,
    comparison: ruleFields.comparison.default('above'),
    clearThreshold: ruleFields.clearThreshold.optional(),
    forSeconds: duration.default(60),
    clearForSeconds: duration.default(60),
    severity: ruleFields.severity.default('warning'),
    advice: ruleFields.advice.default(''),
    channels: ruleFields.channels.default([]),
    repeatSeconds: ruleFields.repeatSeconds.default(14_400),
    enabled: z.boolean().default(true),
  })
  .meta({ id: 'AlertRuleRequest' });

/** Body of `PATCH /v1/alert-rules/:id`. */
export type AlertRuleChange = { readonly [Field in keyof AlertRuleFields]?: AlertRuleFields[Field] | undefined };

export const alertRuleChangeSchema: z.ZodType<AlertRuleChange> = z
  .strictObject(ruleFields)
  .partial()
  .meta({ id: 'AlertRuleChange' });

export interface AlertRule extends AlertRuleFields {
  readonly id: string;
  /** Whether it is there from the start; deleted, it is as it was again. */
  readonly isDefault: boolean;
  /** `pending`: the threshold is broken, not yet for long enough. */
  readonly phase: 'ok' | 'pending' | 'firing';
}

const ruleOut = { ...ruleFields, channels: z.array(z.string()), id: z.string() };

export const alertRuleSchema: z.ZodType<AlertRule> = z
  .object({ ...ruleOut, isDefault: z.boolean(), phase: z.enum(['ok', 'pending', 'firing']) })
  .meta({ id: 'AlertRule' });

export interface AlertRuleList {
  readonly items: readonly AlertRule[];
}

export const alertRuleListSchema: z.ZodType<AlertRuleList> = z
  .object({ items: z.array(alertRuleSchema) })
  .meta({ id: 'AlertRuleList' });

/** One time that a rule's threshold was broken. */
export interface Alert {
  readonly id: string;
  readonly ruleId: string;
  readonly name: string;
  readonly signal: AlertSignal;
  readonly comparison: AlertComparison;
  readonly threshold: number;
  readonly severity: AlertSeverity;
  readonly advice: string;
  readonly state: 'firing' | 'resolved';
  readonly firedAt: string;
  readonly resolvedAt?: string | undefined;
  /** The signal when it fired. */
  readonly value: number;
  /** The furthest that it went. */
  readonly worst: number;
  readonly acknowledged?: { readonly at: string; readonly by: string; readonly comment: string } | undefined;
}

const alertFields = {
  id: z.string(),
  ruleId: z.string(),
  name: z.string(),
  signal: z.enum(alertSignals),
  comparison: z.enum(alertComparisons),
  threshold: z.number(),
  severity: z.enum(alertSeverities),
  advice: z.string(),
  state: z.enum(['firing', 'resolved']),
  firedAt: timestampSchema,
  resolvedAt: timestampSchema.optional(),
  value: z.number(),
  worst: z.number(),
  acknowledged: z.object({ at: timestampSchema, by: z.string(), comment: z.string() }).optional(),
};

export const alertSchema: z.ZodType<Alert> = z.object(alertFields).meta({ id: 'Alert' });

export interface AlertPage {
  /** Newest first. */
  readonly items: readonly Alert[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const alertPageSchema: z.ZodType<AlertPage> = z
  .object({ items: z.array(alertSchema), nextCursor: z.string().optional() })
  .meta({ id: 'AlertPage' });

/** Query of `GET /v1/alerts`. */
export interface ListAlertsQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly state?: Alert['state'] | undefined;
}

export const listAlertsQuerySchema: z.ZodType<ListAlertsQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
  state: z.enum(['firing', 'resolved']).optional(),
});

/** A message about an alert to a channel. */
export interface AlertNotice {
  readonly id: string;
  readonly channelId: string;
  readonly kind: 'fired' | 'repeated' | 'resolved' | 'test';
  readonly state: 'pending' | 'delivered' | 'given_up';
  readonly attempts: number;
  readonly createdAt: string;
  /** While it is pending. */
  readonly nextAttemptAt?: string | undefined;
  /** Why the last attempt failed. */
  readonly problem?: string | undefined;
}

export const alertNoticeSchema: z.ZodType<AlertNotice> = z
  .object({
    id: z.string(),
    channelId: z.string(),
    kind: z.enum(['fired', 'repeated', 'resolved', 'test']),
    state: z.enum(['pending', 'delivered', 'given_up']),
    attempts: z.int(),
    createdAt: timestampSchema,
    nextAttemptAt: timestampSchema.optional(),
    problem: z.string().optional(),
  })
  .meta({ id: 'AlertNotice' });

export interface AlertDetail extends Alert {
  /** What was sent about it, oldest first. */
  readonly notices: readonly AlertNotice[];
}

export const alertDetailSchema: z.ZodType<AlertDetail> = z
  .object({ ...alertFields, notices: z.array(alertNoticeSchema) })
  .meta({ id: 'AlertDetail' });

/** Body of `POST /v1/alerts/:id/acknowledge`. */
export interface AcknowledgeRequest {
  readonly comment: string;
}

export const acknowledgeRequestSchema: z.ZodType<AcknowledgeRequest, unknown> = z
  .strictObject({ comment: comment.default('') })
  .default({ comment: '' })
  .meta({ id: 'AcknowledgeRequest' });

/** Body of `POST /v1/alert-channels`. */
export interface AlertChannelRequest {
  readonly name: string;
  readonly kind: AlertChannelKind;
  readonly to: readonly string[];
  readonly url?: string | undefined;
  readonly secret?: string | undefined;
  /** Of the messages. @default the setting alertLanguage of the server */
  readonly language?: AlertLanguage | undefined;
  readonly enabled: boolean;
}

export const alertChannelRequestSchema: z.ZodType<AlertChannelRequest, unknown> = z
  .strictObject({
    name: z.string().min(1).max(100),
    kind: z.enum(alertChannelKinds),
    to: z.array(z.email().max(254)).max(50).default([]).meta({ description: 'Addresses, of a mail channel' }),
    url: z.url().max(2_000).optional().meta({ description: 'Address of the hook, of all other kinds' }),
    secret: z.string().min(1).max(200).optional().meta({
      description: 'Signs messages: the secret of a Feishu or DingTalk robot, or of a webhook (Standard Webhooks)',
    }),
    language: z.enum(alertLanguages).optional().meta({
      description: 'Of the messages; without it as the setting alertLanguage says',
    }),
    enabled: z.boolean().default(true),
  })
  .meta({ id: 'AlertChannelRequest' });

/** Where alerts are sent. Tokens and secrets are never shown. */
export interface AlertChannel {
  readonly id: string;
  readonly name: string;
  readonly kind: AlertChannelKind;
  /** The addresses of mail, or the host of a hook. */
  readonly target: string;
  readonly isSigned: boolean;
  /** Absent when it follows the setting alertLanguage. */
  readonly language?: AlertLanguage | undefined;
  readonly enabled: boolean;
  /** Whether the settings of the server make it; then it is changed there. */
  readonly isFixed: boolean;
}

export const alertChannelSchema: z.ZodType<AlertChannel> = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(alertChannelKinds),
    target: z.string(),
    isSigned: z.boolean(),
    language: z.enum(alertLanguages).optional(),
    enabled: z.boolean(),
    isFixed: z.boolean(),
  })
  .meta({ id: 'AlertChannel' });

export interface AlertChannelList {
  readonly items: readonly AlertChannel[];
}

export const alertChannelListSchema: z.ZodType<AlertChannelList> = z
  .object({ items: z.array(alertChannelSchema) })
  .meta({ id: 'AlertChannelList' });

/** Body of `POST /v1/alert-silences`. */
export interface AlertSilenceRequest {
  /** @default all rules */
  readonly ruleId?: string | undefined;
  readonly minutes: number;
  readonly comment: string;
}

export const alertSilenceRequestSchema: z.ZodType<AlertSilenceRequest, unknown> = z
  .strictObject({
    ruleId: id.optional(),
    minutes: z.number().min(1).max(43_200),
    comment: comment.default(''),
  })
  .meta({ id: 'AlertSilenceRequest' });

export interface AlertSilence {
  readonly id: string;
  /** Absent when it is of all rules. */
  readonly ruleId?: string | undefined;
  readonly createdAt: string;
  readonly until: string;
  readonly by: string;
  readonly comment: string;
}

export const alertSilenceSchema: z.ZodType<AlertSilence> = z
  .object({
    id: z.string(),
    ruleId: z.string().optional(),
    createdAt: timestampSchema,
    until: timestampSchema,
    by: z.string(),
    comment: z.string(),
  })
  .meta({ id: 'AlertSilence' });

export interface AlertSilenceList {
  readonly items: readonly AlertSilence[];
}

export const alertSilenceListSchema: z.ZodType<AlertSilenceList> = z
  .object({ items: z.array(alertSilenceSchema) })
  .meta({ id: 'AlertSilenceList' });

export interface AlertParams {
  readonly id: string;
}

export const alertParamsSchema: z.ZodType<AlertParams> = z.object({ id: z.string().min(1).max(100) });
