/**
 * Every setting: what it means, what it may be, what it is by default. `docs/settings.md` is written from this file.
 * A setting `fooBar` is the variable IMAGEMILL_FOO_BAR and the key `fooBar` of imagemill.config.json.
 */
import { qualityPolicyChangeSchema } from '@imagemill/api';
import { z } from 'zod';
import { markCorners } from '../domain/provenance/label-policy.ts';
import { providerSettings } from './provider-settings.ts';
import { deviceSchema, remoteSettings } from './remote-settings.ts';
import { s3Settings } from './s3-settings.ts';
import { scalerSettings } from './scaler-settings.ts';
import { standbySettings } from './standby-settings.ts';

const milliseconds = z.int().min(0).max(86_400_000);

const labelOverride = z.strictObject({
  aiLabel: z.boolean().optional(),
  aiLabelProducer: z.string().min(1).max(200).optional(),
  visibleMark: z.enum(['none', 'zh', 'en']).optional(),
  visibleMarkCorner: z.enum(markCorners).optional(),
  visibleMarkPercent: z.number().min(5).max(25).optional(),
});

const channels = z.tuple([z.number(), z.number(), z.number()]);
const scoringModel = z.strictObject({
  path: z.string().min(1),
  size: z.int().min(8).max(2_048),
  mean: channels.optional(),
  std: channels.optional(),
  layout: z.enum(['nchw', 'nhwc']).optional(),
  output: z.string().min(1).optional(),
  index: z.int().min(0).optional(),
  activation: z.enum(['none', 'softmax', 'sigmoid']).optional(),
});

/** Schemas by name. Descriptions say what the value does; units are in the name. */
export const settingSchemas = {
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. One that other machines can reach is accepted once there is an API key.'),
  port: z.int().min(0).max(65_535).default(7860).describe('Port of the API and the page; 0 picks a free one.'),
  workerPort: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe(
      'Port on which "imagemill worker" says how it does (/health/live, /health/ready, /metrics); 0 picks a free one.',
    ),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Further names that a Host header may have, e.g. those of a reverse proxy on this machine.'),
  requireKey: z
    .boolean()
    .default(false)
    .describe(
      'Whether requests of this machine need an API key too. Without it, whoever uses this machine may do everything. A request that came through a proxy, and any to an address that is not loopback, always needs one.',
    ),
  trustedProxies: z
    .array(z.string().min(1))
    .default([])
    .describe('Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe(
      'Address under which people reach the page, e.g. https://mill.example.com. With https, cookies are only sent over it.',
    ),
  sessionHours: z
    .int()
    .min(1)
    .max(8_760)
    .default(168)
    .describe('How long a browser stays signed in. A key that ends sooner ends its sessions.'),
  signInsPerMinute: z
    .int()
    .min(0)
    .max(100_000)
    .default(30)
    .describe('Attempts to sign a browser in that one network address may make a minute; 0 sets no limit.'),
  ...providerSettings,
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe(
      'Folder of the records and pictures, one server at a time. With databaseUrl and assetDir only caches are in it.',
    ),
  ...s3Settings,
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'postgres://user:password@host:port/database')
    .optional()
    .describe(
      'PostgreSQL database for the records, as postgres://user:password@host:port/database; several processes may share it. By default a file in the data folder. Never logged.',
    ),
  redisUrl: z
    .string()
    .regex(/^rediss?:\/\//, 'redis://user:password@host:port/database, or rediss:// for TLS')
    .optional()
    .describe(
      'Redis that carries jobs to the workers and messages between processes, as redis://user:password@host:port/database; needs databaseUrl. By default the database does both. Never logged.',
    ),
  dispatchInApi: z
    .boolean()
    .default(true)
    .describe(
      'With redisUrl: whether "imagemill api" lays jobs out for the workers when no other process does. "imagemill dispatcher" always does.',
    ),
  ...scalerSettings,
  ...standbySettings,
  assetDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder of the pictures and of files that were handed in; all processes of a cluster must see the same one. By default in the data folder.',
    ),
  model: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Model that is used when a request names none: an installed name, or a folder. The first one by default.',
    ),
  modelsDir: z
    .string()
    .min(1)
    .optional()
    .describe("Folder of installed models. By default `imagemill/models` in the user's data folder."),
  lorasDirs: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Folders of LoRA files that all tenants see, looked at every two seconds. By default `loras` beside the folder of installed models.',
    ),
  maxLoraBytes: z
    .int()
    .min(1_024)
    .max(17_179_869_184)
    .default(2_147_483_648)
    .describe('Largest LoRA file that may be uploaded.'),
  assetUrlSeconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .default(172_800)
    .describe(
      'How long an address of a picture that the server hands out opens it without an API key, at most. The default outlives the last attempt to deliver a webhook.',
    ),
  maxUploadBytes: z
    .int()
    .min(1_024)
    .max(1_073_741_824)
    .default(52_428_800)
    .describe('Largest picture file that may be uploaded to draw from.'),
  maxUploadPixels: z
    .int()
    .min(4_096)
    .max(100_000_000)
    .default(67_108_864)
    .describe('Most pixels (width × height) of an uploaded picture.'),
  device: deviceSchema,
  ...remoteSettings,
  weights: z
    .enum(['auto', 'mapped', 'packed', 'fp16', 'w8a8'])
    .default('auto')
    .describe(
      'How weights are held on the CPU. mapped loads at once and takes little memory, packed draws faster; both are exact. fp16 takes half the memory, w8a8 draws fastest from a quarter of it; both are converted once and come close. auto packs a model that fits well into the memory and maps a larger one.',
    ),
  maxModels: z
    .int()
    .min(1)
    .max(64)
    .default(3)
    .describe(
      'Models that stay in memory when nobody uses them, each precision for itself; the least recently used ones go first.',
    ),
  modelMemoryMb: z
    .int()
    .min(0)
    .max(16_777_216)
    .default(0)
    .describe('Memory in MB that the weights of all models may take; 0 allows three quarters of the machine.'),
  modelKeepAliveMs: milliseconds
    .default(0)
    .describe('A model that nobody used for this long is unloaded; 0 keeps it until the room is needed.'),
  warmUpEveryMs: milliseconds
    .default(600_000)
    .describe(
      'An idle engine draws a tiny picture with each loaded model this often, so that its memory stays warm; 0 does so after loading only.',
    ),
  calibrate: z
    .boolean()
    .default(true)
    .describe(
      'Whether an idle engine measures once, in a few seconds for each model, how many pictures of a size it moves at once with profit. The result is kept in the data folder.',
    ),
  threads: z.int().min(0).max(1_024).default(0).describe('Threads of the CPU; 0 leaves it to the runtime.'),
  aiLabel: z
    .boolean()
    .default(true)
    .describe('Whether pictures carry the implicit label of GB 45438-2025 (the metadata field AIGC).'),
  aiLabelProducer: z
    .string()
    .min(1)
    .max(200)
    .default('Imagemill')
    .describe('Who produces the pictures, as the label says: a name or registered code.'),
  visibleMark: z
    .enum(['none', 'zh', 'en'])
    .default('none')
    .describe('Language of a visible mark that says that a picture was generated.'),
  visibleMarkCorner: z.enum(markCorners).default('bottom-right').describe('Corner of the visible mark.'),
  visibleMarkPercent: z
    .number()
    .min(5)
    .max(25)
    .default(5)
    .describe('Height of the letters of the visible mark, in percent of the shorter side.'),
  tenantLabels: z
    .record(z.string().min(1).max(100), labelOverride)
    .default({})
    .describe(
      'Labels of single tenants, by id: aiLabel, aiLabelProducer, visibleMark, visibleMarkCorner and visibleMarkPercent as above; what is left out is as for all. In a variable: JSON.',
    ),
  qualityPolicy: qualityPolicyChangeSchema
    .default({})
    .describe(
      'What happens to pictures that fail a check of the quality gate, and where the limits are; docs/quality.md has the parts. Tenants may have their own by PUT /v1/quality/policy. In a variable: JSON.',
    ),
  duplicateWindow: z
    .int()
    .min(0)
    .max(5_000)
    .default(256)
    .describe('Latest pictures of the tenant among which near-duplicates are looked for; 0 looks for none.'),
  safetyModel: scoringModel
    .optional()
    .describe(
      'ONNX model that tells how likely a picture is unsafe: path, size (side that pictures are scaled to), mean, std, layout, output, index, activation; docs/quality.md has an example. It runs in the engine process. In a variable: JSON.',
    ),
  aestheticModel: scoringModel
    .optional()
    .describe('ONNX model that tells how well a picture looks, as safetyModel. In a variable: JSON.'),
  retentionPicturesDays: z
    .int()
    .min(0)
    .max(36_500)
    .default(0)
    .describe('Days after which pictures are removed; their records stay. 0 keeps them. Tenants may have their own.'),
  retentionRecordsDays: z
    .int()
    .min(0)
    .max(36_500)
    .default(0)
    .describe(
      'Days after which generations that have ended are removed with their pictures, events and attempts. 0 keeps them. Usage and the audit log stay. Tenants may have their own.',
    ),
  retentionKeepStarred: z
    .boolean()
    .default(true)
    .describe('Whether pictures with a star, and the records of their generations, stay nevertheless.'),
  slots: z.int().min(1).max(64).default(4).describe('Pictures that are under way at once.'),
  maxPixels: z
    .int()
    .min(4_096)
    .max(268_435_456)
    .default(4_194_304)
    .describe('Most pixels (width × height) of one picture.'),
  memoryReserveBytes: z
    .int()
    .min(0)
    .max(1_099_511_627_776)
    .default(268_435_456)
    .describe(
      'Memory of the device that is left to others. A picture that would need it is drawn in smaller parts or refused; below it, models that nobody uses leave the memory first.',
    ),
  promptCacheEntries: z
    .int()
    .min(0)
    .max(100_000)
    .default(256)
    .describe('Encoded prompts that the engine keeps, each for the tenant that used it; 0 keeps none.'),
  promptCacheBytes: z
    .int()
    .min(0)
    .max(68_719_476_736)
    .default(268_435_456)
    .describe('Memory that the encoded prompts may take together.'),
  resultCacheEntries: z
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe(
      'Pictures that are remembered by everything they were drawn from, seed and model files included, so that the same request of the same tenant gets the same asset without being drawn; 0 draws everything anew.',
    ),
  oversize: z
    .enum(['reject', 'fit'])
    .default('reject')
    .describe(
      'What becomes of a request for a size that cannot be drawn, unless it says so itself: reject refuses it, fit draws it smaller and says so.',
    ),
  maxAttempts: z.int().min(1).max(100).default(4).describe('Failures after which a job is given up.'),
  retryPauseMs: milliseconds.default(5_000).describe('Pause before a failed attempt is repeated.'),
  drainMs: milliseconds
    .default(20_000)
    .describe('Time that pictures under way get at shutdown; what is not done then is drawn after the next start.'),
  maxRunningPerTenant: z
    .int()
    .min(0)
    .max(1_000)
    .default(0)
    .describe('Pictures of one tenant that may be under way at once; 0 sets no limit.'),
  idempotencyHours: z
    .int()
    .min(1)
    .max(720)
    .default(24)
    .describe('How long a request with an Idempotency-Key is remembered, so that a repeat gets the same answer.'),
  maxBulkBytes: z
    .int()
    .min(1_024)
    .max(4_294_967_296)
    .default(209_715_200)
    .describe('Largest file of rows that may be handed in as a bulk, or uploaded for a batch of the OpenAI API.'),
  tenantFileBytes: z
    .int()
    .min(1_024)
    .max(1_099_511_627_776)
    .default(10_737_418_240)
    .describe('Bytes that the files of the OpenAI API may take for one tenant, those written for it included.'),
  fileDays: z
    .int()
    .min(1)
    .max(3_650)
    .default(30)
    .describe('How long a file of the OpenAI API is kept that does not say so itself.'),
  webhookAllowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Hosts (names or addresses, without port) that webhooks may be sent to wherever they are, also over http. All others must be https addresses of the public internet.',
    ),
  webhookRetrySeconds: z
    .array(z.number().min(0).max(604_800))
    .max(30)
    .default([5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400])
    .describe('Pauses between the attempts to deliver a webhook; one more failure gives the message up.'),
  disconnectGraceMs: milliseconds
    .default(10_000)
    .describe(
      'How long a client of the OpenAI API that lost its connection may take to ask again before its request is cancelled.',
    ),
  engineStuckAfterMs: milliseconds
    .default(1_800_000)
    .describe('An engine that reports no step for this long is ended and started again; 0 never does.'),
  engineStuckFactor: z
    .number()
    .min(0)
    .max(10_000)
    .default(20)
    .describe(
      'An engine that says nothing for this many times its normal pause between two steps is ended and started again too; 0 leaves it to engineStuckAfterMs.',
    ),
  engineStuckLeastMs: milliseconds.default(30_000).describe('Least silence that engineStuckFactor ends an engine for.'),
  watchdogSeconds: z
    .number()
    .min(0.02)
    .max(3_600)
    .default(10)
    .describe('How often the watchdog looks at the queue, the disk and the clock.'),
  repairModels: z
    .boolean()
    .default(false)
    .describe(
      'Whether weights that turn out to be damaged are fetched again from where they came. Without it nothing is fetched; they are put aside and told of.',
    ),
  bodyLimitBytes: z.int().min(1_024).max(1_073_741_824).default(1_048_576).describe('Largest request body.'),
  minFreeBytes: z
    .int()
    .min(0)
    .default(100_000_000)
    .describe('Below this much free space nothing new is accepted or started.'),
  durability: z
    .enum(['full', 'normal'])
    .default('full')
    .describe(
      'full: what was accepted survives a loss of power. normal: it survives crashes, with fewer disk flushes.',
    ),
  installationName: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('What this installation is called in alerts. By default the name of the machine.'),
  smtpUrl: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      'Mail server, e.g. smtp://user:password@mail.example.com:587 (STARTTLS where it is offered) or smtps:// with TLS from the start. Without it no mail is sent.',
    ),
  mailFrom: z.string().min(3).max(200).default('imagemill@localhost').describe('Sender of mails.'),
  alertMailTo: z
    .array(z.email().max(254))
    .max(50)
    .default([])
    .describe('Who gets alerts by mail; this makes the channel mail, which the rule for errors uses.'),
  alertLanguage: z
    .enum(['en', 'zh-CN', 'both'])
    .default('en')
    .describe(
      'Language of messages about alerts, where the channel names none: English, Chinese, or one after the other.',
    ),
  alertIntervalSeconds: z
    .number()
    .min(0.02)
    .max(300)
    .default(10)
    .describe('How often signals are looked at and alert rules are moved.'),
  alertRetrySeconds: z
    .array(z.number().min(0).max(86_400))
    .max(20)
    .default([10, 60, 300, 1_800, 7_200])
    .describe('Pauses between the attempts to deliver a message about an alert; one more failure gives it up.'),
  traceUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Collector of OpenTelemetry traces (OTLP over HTTP in JSON), e.g. http://collector:4318/v1/traces. Without it nothing is traced.',
    ),
  traceHeaders: z
    .record(z.string().min(1).max(100), z.string().max(2_000))
    .default({})
    .describe('Headers for the collector, e.g. a token. In a variable: JSON.'),
  traceRatio: z.number().min(0).max(1).default(1).describe('Share of the generations that are traced.'),
  metricsHost: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address of the listener of metricsPort. Whoever reaches it reads the metrics without a key.'),
  metricsPort: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe(
      'Port that serves /metrics alone, without a key, for a Prometheus in a network of its own; 0 picks a free one. Left out, there is none.',
    ),
  metricsTenants: z
    .enum(['class', 'id'])
    .default('class')
    .describe('What tenants are called in metrics: their class, or each its id (the first 200).'),
  tenantClasses: z
    .record(z.string().min(1).max(100), z.string().regex(/^[a-z][a-z0-9_-]{0,30}$/))
    .default({})
    .describe(
      "Classes of tenants in metrics, by id. Without one it is own for the installation's own tenant and other for the rest. In a variable: JSON.",
    ),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged.'),
};

/** Settings whose values are in no message, log or page. */
export const secretSettings: ReadonlySet<string> = new Set([
  'databaseUrl',
  'oidcClientSecret',
  'redisUrl',
  'remoteApiKey',
  's3SecretAccessKey',
  'standbyActiveDatabaseUrl',
  'standbyDnsKeySecret',
  'smtpUrl',
]);

export const settingsSchema = z.strictObject(settingSchemas);

export type Settings = Readonly<z.output<typeof settingsSchema>>;
/** Settings as somebody writes them; what is left out has its default. */
export type SettingsInput = Readonly<z.input<typeof settingsSchema>>;
export type SettingName = keyof Settings;

/** `dataDir` → `IMAGEMILL_DATA_DIR` */
export function variableOf(name: string): string {
  return `IMAGEMILL_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
