/**
 * Every metric of Imagemill by its name, in OpenMetrics' conventions: base units (seconds, bytes, ratios of 1), unit
 * and `_total` in the name. `docs/metrics.md` is written from this file. Labels only take values from short lists: no
 * ids, no prompts; tenants appear as their class unless the setting `metricsTenants` says otherwise.
 */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Of a histogram, upper bounds. */
  readonly buckets?: readonly number[];
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800];

export const metricDefinitions = {
  imagemill_jobs_total: {
    type: 'counter',
    help: 'Changes of state of jobs: queued (accepted), requeued (to be tried again), started, succeeded, failed, dead, cancelled',
    labels: ['state', 'priority', 'tenant_class'],
  },
  imagemill_attempts_total: {
    type: 'counter',
    help: 'Attempts that ended, by outcome: succeeded, reused, redrawn, held, failed, cancelled, released, lost; code is the error code of those that failed or were held back',
    labels: ['outcome', 'code', 'priority', 'tenant_class'],
  },
  imagemill_pictures_total: {
    type: 'counter',
    help: 'Pictures drawn, by model and size class in megapixels',
    labels: ['model', 'megapixels', 'tenant_class'],
  },
  imagemill_device_seconds_total: {
    type: 'counter',
    help: 'Device time that pictures took, each with its share of the batches it was in',
    labels: ['model', 'tenant_class'],
  },
  imagemill_job_phase_seconds: {
    type: 'histogram',
    help: 'Time of succeeded jobs in each phase: queue, load, encode, denoise, decode, store; total is from acceptance to the stored picture',
    labels: ['phase', 'priority'],
    buckets: seconds,
  },
  imagemill_job_steps: {
    type: 'histogram',
    help: 'Denoise steps of succeeded jobs',
    labels: [],
    buckets: [1, 2, 4, 8, 12, 20, 30, 40, 60, 100],
  },
  imagemill_batch_size: {
    type: 'histogram',
    help: 'Pictures that moved in one model call, on average over the steps of a picture',
    labels: ['device'],
    buckets: [1, 2, 3, 4, 6, 8, 12, 16, 32, 64],
  },
  imagemill_denoise_steps_total: { type: 'counter', help: 'Denoise steps of pictures', labels: ['device'] },
  imagemill_model_load_seconds: {
    type: 'histogram',
    help: 'Time that a picture waited for its model to be loaded',
    labels: ['device'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320],
  },
  imagemill_model_loads_total: {
    type: 'counter',
    help: 'Models that came into the memory',
    labels: ['device', 'model'],
  },
  imagemill_model_evictions_total: {
    type: 'counter',
    help: 'Models that left the memory, to make room, unused or by order',
    labels: ['device', 'model'],
  },
  imagemill_memory_rungs_total: {
    type: 'counter',
    help: 'Rungs of the out-of-memory ladder that pictures took: smaller batch, tiles, freed models, smaller size',
    labels: ['rung'],
  },
  imagemill_jobs_unserved: {
    type: 'gauge',
    help: 'Jobs that wait for a model which no worker has',
    labels: [],
  },
  imagemill_site_epoch: {
    type: 'gauge',
    help: 'Rises by one each time that the records go over to another site',
    labels: [],
  },
  imagemill_site_switched_timestamp_seconds: {
    type: 'gauge',
    help: 'When the records came to this site, in seconds since 1970; absent where they never went over',
    labels: [],
  },
  imagemill_site_lease_seconds: {
    type: 'gauge',
    help: 'Time for which this site may go on writing unless the standby site renews it; absent where that has no end',
    labels: [],
  },
  imagemill_standby_lag_seconds: {
    type: 'gauge',
    help: 'How far the records of the standby site are behind, and how long it has not been heard of; absent where none watches',
    labels: [],
  },
  imagemill_jobs: {
    type: 'gauge',
    help: 'Jobs on record that are not done: queued (ready), backing_off (wait for their next attempt), running',
    labels: ['state', 'priority'],
  },
  imagemill_dead_letters: { type: 'gauge', help: 'Jobs that are out of attempts', labels: [] },
  imagemill_queue_oldest_age_seconds: {
    type: 'gauge',
    help: 'Age of the oldest job that waits; 0 when none does',
    labels: ['priority'],
  },
  imagemill_queue_device_seconds: {
    type: 'gauge',
    help: 'Predicted device time of the jobs that wait',
    labels: ['priority'],
  },
  imagemill_queue_paused: { type: 'gauge', help: '1 while an operator keeps jobs from being claimed', labels: [] },
  imagemill_leases_expired_total: {
    type: 'counter',
    help: 'Jobs that went back to the queue since their worker fell silent',
    labels: [],
  },
  imagemill_engine_ready: { type: 'gauge', help: '1 when the engine can draw', labels: ['device'] },
  imagemill_engine_slots: { type: 'gauge', help: 'Pictures that the engine takes at once', labels: ['device'] },
  imagemill_engine_active_pictures: { type: 'gauge', help: 'Pictures that are in the engine', labels: ['device'] },
  imagemill_engine_crashes_total: {
    type: 'counter',
    help: 'Times an engine process ended unasked, those included that were ended because they were stuck',
    labels: ['device'],
  },
  imagemill_incidents_total: {
    type: 'counter',
    help: 'Faults that the watchdog saw and acted on, by kind',
    labels: ['kind'],
  },
  imagemill_models_loaded: { type: 'gauge', help: 'Models in the memory', labels: ['device'] },
  imagemill_model_memory_bytes: {
    type: 'gauge',
    help: 'Memory that the weights of loaded models take; mapped weights count as 0',
    labels: ['device'],
  },
  imagemill_device_utilization_ratio: {
    type: 'gauge',
    help: 'Use of the device, 0 to 1: by the driver (nvml), the processors of the system (system), or the share of time in which the engine held a picture (engine)',
    labels: ['device', 'source'],
  },
  imagemill_device_busy_seconds_total: {
    type: 'counter',
    help: 'Time in which the engine held at least one picture',
    labels: ['device'],
  },
  imagemill_device_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the device: total and free',
    labels: ['device', 'kind'],
  },
  imagemill_device_temperature_celsius: { type: 'gauge', help: 'Temperature of the card', labels: ['device'] },
  imagemill_device_power_watts: { type: 'gauge', help: 'Power that the card takes', labels: ['device'] },
  imagemill_system_cpu_utilization_ratio: {
    type: 'gauge',
    help: 'Use of the processors since the last reading, against the limit of the container where there is one',
    labels: [],
  },
  imagemill_system_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the machine or of its container: total and free',
    labels: ['kind'],
  },
  imagemill_disk_free_bytes: { type: 'gauge', help: 'Room where records and pictures are kept', labels: [] },
  imagemill_disk_min_free_bytes: { type: 'gauge', help: 'Below this nothing new is accepted', labels: [] },
  imagemill_messages_total: {
    type: 'counter',
    help: 'Attempts to send a message: webhook, mail, chat; outcome delivered or failed',
    labels: ['channel', 'outcome'],
  },
  imagemill_trace_spans_total: {
    type: 'counter',
    help: 'Spans of traces, where a collector is named: outcome delivered or lost',
    labels: ['outcome'],
  },
  imagemill_http_requests_total: {
    type: 'counter',
    help: 'Answers of the API and the page, by route pattern',
    labels: ['method', 'route', 'status'],
  },
  imagemill_http_request_seconds: {
    type: 'histogram',
    help: 'Time to answer; streams of events are not in it',
    labels: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  },
  imagemill_scaler_workers: {
    type: 'gauge',
    help: 'Workers of "imagemill scaler": wanted, running, draining',
    labels: ['state'],
  },
  imagemill_scaler_acts_total: {
    type: 'counter',
    help: 'Times "imagemill scaler" changed the number of workers, up or down',
    labels: ['direction'],
  },
  imagemill_scaler_crashes_total: {
    type: 'counter',
    help: 'Times a worker of "imagemill scaler" ended unasked',
    labels: [],
  },
  imagemill_build_info: { type: 'gauge', help: 'Always 1; the labels are versions', labels: ['version', 'node'] },
} as const satisfies Readonly<Record<`imagemill_${string}`, MetricDefinition>>;

export type MetricName = keyof typeof metricDefinitions;

/** Names of one type. */
export type NameOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: (typeof metricDefinitions)[Name]['type'] extends Type ? Name : never;
}[MetricName];
