/**
 * What an operator wants to be told of.
 *
 * - *signal*: a figure of the installation that is looked at every few seconds.
 * - *rule*: a bound on a signal, how long it must be broken, and how far back it must come (hysteresis).
 * - *alert*: one time that a rule's bound was broken; from *fired* to *resolved*.
 * - *channel*: where alerts are sent; *silence*: a time in which they are kept but not sent.
 */

/** Figures that rules may bound. A figure that nobody can tell at a moment breaks no bound. */
export const signals = {
  device_utilization: { unit: 'ratio', meaning: 'Use of all devices on average, 0 to 1.' },
  queue_length: { unit: 'count', meaning: 'Jobs that wait, those that wait for their next attempt included.' },
  oldest_wait_seconds: { unit: 'seconds', meaning: 'Age of the oldest job that waits; 0 when none does.' },
  error_rate: { unit: 'ratio', meaning: 'Share of the jobs of the last five minutes that ended without a picture.' },
  dead_letters: { unit: 'count', meaning: 'Jobs that are out of attempts.' },
  engines_down: { unit: 'count', meaning: 'Engines that cannot draw.' },
  free_disk_bytes: { unit: 'bytes', meaning: 'Least room where a server keeps records and pictures.' },
  message_failures: { unit: 'count', meaning: 'Webhooks and mails that did not arrive in the last five minutes.' },
  budgets_reached: { unit: 'count', meaning: 'Tenants that have spent their soft budget of the month.' },
  jobs_unserved: { unit: 'count', meaning: 'Jobs that wait for a model which no worker has.' },
  standby_lag_seconds: {
    unit: 'seconds',
    meaning: 'How far the records of the standby site are behind, and how long it has not been heard of.',
  },
  clock_skew_seconds: { unit: 'seconds', meaning: 'Most that the clock of a server jumped or differs from another.' },
} as const satisfies Readonly<Record<string, { readonly unit: string; readonly meaning: string }>>;

export type SignalName = keyof typeof signals;

export const severities = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

export interface AlertRule {
  readonly id: string;
  readonly name: string;
  readonly signal: SignalName;
  /** The side of the threshold that is bad. */
  readonly comparison: 'above' | 'below';
  readonly threshold: number;
  /** The signal must be back on the good side of this; on the good side of the threshold or equal to it. */
  readonly clearThreshold: number;
  /** How long the threshold must be broken before the alert fires. */
  readonly forSeconds: number;
  /** How long the signal must be back before the alert is resolved. */
  readonly clearForSeconds: number;
  readonly severity: Severity;
  /** What to do about it. */
  readonly advice: string;
  /** Ids of channels; none stands for all that are enabled. */
  readonly channels: readonly string[];
  /** Told again this often while it fires and nobody acknowledged it; 0 tells once. */
  readonly repeatSeconds: number;
  readonly enabled: boolean;
}

/** Rules that are there from the start; each may be changed, and is back as it was when the change is deleted. */
export const defaultRules: readonly AlertRule[] = [
  rule({
    id: 'device-busy',
    name: 'Devices are busy',
    signal: 'device_utilization',
    ...{ threshold: 0.9, clearThreshold: 0.8, forSeconds: 300, clearForSeconds: 120 },
    advice: 'Scale out: add a device or a worker, or leave bulk work for the night.',
  }),
  rule({
    id: 'queue-long',
    name: 'The queue is long',
    signal: 'queue_length',
    ...{ threshold: 100, clearThreshold: 80, forSeconds: 30, clearForSeconds: 60 },
    advice: 'Start more workers.',
  }),
  rule({
    id: 'error-rate',
    name: 'Pictures fail',
    signal: 'error_rate',
    ...{ threshold: 0.01, clearThreshold: 0.005, forSeconds: 60, clearForSeconds: 120 },
    severity: 'critical',
    advice: 'Look at the dead letters of the queue page, and run "imagemill doctor".',
    channels: ['mail'],
  }),
  rule({
    id: 'engine-down',
    name: 'An engine cannot draw',
    signal: 'engines_down',
    ...{ threshold: 0, clearThreshold: 0, forSeconds: 120, clearForSeconds: 30 },
    severity: 'critical',
    advice: 'Run "imagemill doctor" on its machine; the folder crash-reports says what was under way.',
  }),
  rule({
    id: 'budget-reached',
    name: 'A tenant has spent its soft budget',
    signal: 'budgets_reached',
    ...{ threshold: 0, clearThreshold: 0, forSeconds: 0, clearForSeconds: 0 },
    advice: 'The audit log says which; "imagemill cost budget" shows it. Beyond a hard budget nothing is accepted.',
    repeatSeconds: 0,
  }),
  rule({
    id: 'model-missing',
    name: 'Jobs wait for a model that no worker has',
    signal: 'jobs_unserved',
    ...{ threshold: 0, clearThreshold: 0, forSeconds: 30, clearForSeconds: 10 },
    advice: 'Install the model on a worker ("imagemill models pull"), or cancel the jobs.',
  }),
  rule({
    id: 'standby-behind',
    name: 'The standby site is behind',
    signal: 'standby_lag_seconds',
    ...{ threshold: 30, clearThreshold: 10, forSeconds: 30, clearForSeconds: 30 },
    severity: 'critical',
    advice:
      'Look at the replication of the database and whether "imagemill standby" runs; a switch now would lose what is not replicated.',
  }),
];

function rule(
  fields: Pick<
    AlertRule,
    'id' | 'name' | 'signal' | 'threshold' | 'clearThreshold' | 'forSeconds' | 'clearForSeconds' | 'advice'
  > &
    Partial<AlertRule>,
): AlertRule {
  return { comparison: 'above', severity: 'warning', channels: [], repeatSeconds: 14_400, enabled: true, ...fields };
}

/** What is wrong with the figures of a rule; undefined when they make sense. */
export function ruleProblem({ comparison, threshold, clearThreshold }: AlertRule): string | undefined {
  const isBack = comparison === 'above' ? clearThreshold <= threshold : clearThreshold >= threshold;
  if (isBack) return undefined;
  const side = comparison === 'above' ? 'at most' : 'at least';
  return `The alert would never be resolved: clearThreshold must be ${side} the threshold ${threshold}.`;
}
