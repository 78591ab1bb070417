import {
  type Arrival,
  type Day,
  reportDay,
  seededRandom,
  simulateDay,
  tokensOf,
  type WindowReport,
  waitingAt,
} from '@imagemill/server/simulation';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { DeviceGroup } from '../devices-option.ts';
import { formatTable } from '../terminal/format.ts';
import { readTrace } from '../trace-file.ts';

export interface SimulateFlags {
  readonly trace: string;
  readonly devices: readonly DeviceGroup[];
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly slots?: number;
  readonly batchTokens: number;
  readonly failures: number;
  readonly maxAttempts: number;
  readonly price?: number;
  readonly window: number;
  readonly targetP95?: number;
  readonly seed: number;
  readonly json: boolean;
}

interface Outcome {
  readonly day: Day;
  readonly windows: readonly WindowReport[];
}

/** Draws a day in virtual time and prints it window by window. */
export async function simulate(flags: SimulateFlags, { output }: CommandContext): Promise<number> {
  const arrivals = await readTrace(flags.trace, { ...flags, random: seededRandom(flags.seed) });
  const devices = flags.targetP95 === undefined ? flags.devices : fleetFor(flags.targetP95, flags, arrivals);
  const { day, windows } = run(flags, devices, arrivals);
  if (flags.json) {
    for (const window of windows) output.result(JSON.stringify(jsonOf(window)));
    if (flags.targetP95 !== undefined) output.note(answerOf(flags.targetP95, devices));
    return exitCodes.ok;
  }
  for (const { count, device } of devices) output.note(`${count} × ${device.name}: ${device.source}, ${device.note}`);
  output.result(formatTable(columns, windows.map(rowOf), columns.slice(1)));
  output.note('');
  output.note(chartOf(day, windows.at(-1)?.to ?? 0));
  output.note('');
  for (const line of remarks(flags, devices, { day, windows })) output.note(line);
  return exitCodes.ok;
}

function run(flags: SimulateFlags, devices: readonly DeviceGroup[], arrivals: readonly Arrival[]): Outcome {
  const day = simulateDay({
    arrivals,
    devices: devices.flatMap(({ count, simulated }) => Array.from({ length: count }, () => simulated)),
    slots: flags.slots ?? slotsFor(flags),
    maxBatchTokens: flags.batchTokens,
    failureRate: flags.failures,
    maxAttempts: flags.maxAttempts,
    backOffMs: BACK_OFF_MS,
    random: seededRandom(flags.seed + 1),
  });
  const count = devices.reduce((sum, group) => sum + group.count, 0);
  return {
    day,
    windows: reportDay(day, {
      windows: windowsOf(flags, arrivals),
      devices: count,
      pricePerHour: priceOf(flags, devices),
    }),
  };
}

/** As many as one model call holds; more would only take turns. */
function slotsFor({ width, height, batchTokens }: SimulateFlags): number {
  return Math.min(MAX_SLOTS, Math.max(1, Math.floor(batchTokens / tokensOf({ width, height }))));
}

function windowsOf({ window }: SimulateFlags, arrivals: readonly Arrival[]): readonly (readonly [number, number])[] {
  const length = window * MS_AN_HOUR;
  const day = Math.max(MS_A_DAY, arrivals.at(-1)?.at ?? 0);
  const count = (arrivals.at(-1)?.at ?? 0) < length ? 1 : Math.ceil(day / length);
  return Array.from({ length: count }, (_, index) => [index * length, (index + 1) * length] as const);
}

/** Of all devices for an hour; undefined when one has no price. */
function priceOf({ price }: SimulateFlags, devices: readonly DeviceGroup[]): number | undefined {
  let sum = 0;
  for (const { count, device } of devices) {
    const one = price ?? device.pricePerHour;
    if (one === undefined) return undefined;
    sum += count * one;
  }
  return sum;
}

/** The fewest devices of the kind that keep p95 of every window below the target; one in which none is drawn does not. */
function fleetFor(target: number, flags: SimulateFlags, arrivals: readonly Arrival[]): readonly DeviceGroup[] {
  const [group, ...others] = flags.devices;
  if (group === undefined || others.length > 0) {
    throw optionError(
      '--devices',
      flags.devices.map(({ device }) => device.name).join('+'),
      'one kind of device with --target-p95',
    );
  }
  const holds = (count: number): boolean =>
    run(flags, [{ ...group, count }], arrivals).windows.every(
      ({ pictures, p95Seconds }) => pictures === 0 || (p95Seconds !== null && p95Seconds < target),
    );
  let high = 1;
  while (!holds(high)) {
    if (high === MAX_DEVICES) {
      const most = `${MAX_DEVICES} × ${group.device.name} do not reach it`;
      throw optionError('--target-p95', String(target), `what can be reached with these options: ${most}`);
    }
    high = Math.min(MAX_DEVICES, 2 * high);
  }
  let low = Math.floor(high / 2) + 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return [{ ...group, count: low }];
}

/** Windows follow each other, so that their order tells their times. */
function jsonOf(report: WindowReport): object {
  const { pictures, meanSeconds, p50Seconds, p95Seconds, p99Seconds, errors, utilisation, cost } = report;
  return { pictures, meanSeconds, p50Seconds, p95Seconds, p99Seconds, errors, utilisation, cost };
}

const columns = [
  'WINDOW',
  'PICTURES',
  'MEAN s',
  'P50 s',
  'P95 s',
  'P99 s',
  'ERRORS',
  'USE',
  'WAITING',
  'COST',
  'A PICTURE',
];

function rowOf(report: WindowReport): readonly string[] {
  const { pictures, cost } = report;
  return [
    nameOf(report),
    String(pictures),
    ...[report.meanSeconds, report.p50Seconds, report.p95Seconds, report.p99Seconds].map((value) => decimal(value, 1)),
    `${(report.errors * 100).toFixed(2)} %`,
    `${(report.utilisation * 100).toFixed(0)} %`,
    String(report.waitingAtEnd),
    decimal(cost, 2),
    decimal(cost === null || pictures === 0 ? null : cost / pictures, 4),
  ];
}

function nameOf({ from, to }: WindowReport): string {
  return `${clock(from)}-${clock(to)}`;
}

function clock(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function decimal(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}

/** One bar an hour: how many pictures waited then. */
function chartOf(day: Day, to: number): string {
  const hours = Math.ceil(to / MS_AN_HOUR);
  const counts = Array.from({ length: hours }, (_, hour) => waitingAt(day, (hour + 1) * MS_AN_HOUR));
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, hour) => {
    const bar = '█'.repeat(Math.round((count / most) * BAR_LENGTH));
    return `${clock((hour + 1) * MS_AN_HOUR)}  ${String(count).padStart(7)}  ${bar}`.trimEnd();
  });
  return ['waiting at the end of each hour', ...bars].join('\n');
}

function remarks(flags: SimulateFlags, devices: readonly DeviceGroup[], { day, windows }: Outcome): readonly string[] {
  const last = windows.at(-1);
  const left = last?.waitingAtEnd ?? 0;
  const lines = [
    `${day.pictures.length} pictures, ${flags.slots ?? slotsFor(flags)} at once on a device, calls of at most ${flags.batchTokens} tokens.`,
  ];
  if (flags.targetP95 !== undefined) lines.push(answerOf(flags.targetP95, devices));
  if (left > 0) lines.push(`${left} pictures are left when the day ends: the devices are too few for this trace.`);
  return lines;
}

function answerOf(target: number, [group]: readonly DeviceGroup[]): string {
  return `${group?.count} × ${group?.device.name} keep p95 of every window below ${target} s.`;
}

const BACK_OFF_MS = 5_000;
const MAX_SLOTS = 4;
const MAX_DEVICES = 256;
const BAR_LENGTH = 40;
const MS_AN_HOUR = 3_600_000;
const MS_A_DAY = 24 * MS_AN_HOUR;
