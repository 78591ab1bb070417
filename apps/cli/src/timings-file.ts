/**
 * Measured timings of a device as a JSON file:
 *
 *     {"sizes": [{"width": 1024, "height": 1024, "stepMs": [900, 1750], "fixedMs": 800}], "pricePerHour": 4.8}
 *
 * `stepMs` is a step of one picture, of two together, and so on; `fixedMs` the prompt and the decoding of one picture.
 * `platform` may hold `{"acceptMs", "fileMs", "storeMs"}`, `note` where the figures are from.
 */
import { readFileSync } from 'node:fs';
import { type MeasuredTimings, measuredDevice, type SimulatedDevice } from '@imagemill/server/simulation';
import { CliError, exitCodes } from './cli-error.ts';

export interface TimingsFile {
  readonly note: string;
  readonly pricePerHour: number | undefined;
  readonly simulated: SimulatedDevice;
}

/** @throws CliError `timings_invalid` naming the field */
export function readTimings(file: string): TimingsFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw invalid(file, `it cannot be read: ${(cause as Error).message}`);
  }
  return parseTimings(file, text);
}

/** @throws CliError `timings_invalid` naming the field */
export function parseTimings(file: string, text: string): TimingsFile {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw invalid(file, `it is no JSON: ${(cause as Error).message}`);
  }
  const root = objectOf(file, 'the file', value, ['sizes', 'platform', 'pricePerHour', 'note']);
  const list = root['sizes'];
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST)
    throw invalid(file, `sizes is no list of 1 to ${MOST} sizes`);
  const sizes = list.map((one: unknown, index) => sizeOf(file, `sizes[${index}]`, one));
  const platform = root['platform'] === undefined ? undefined : platformOf(file, root['platform']);
  const price = root['pricePerHour'];
  const { note = file } = root;
  if (typeof note !== 'string') throw invalid(file, 'note is no text');
  return {
    note: note.slice(0, 200),
    pricePerHour: price === undefined ? undefined : numberOf(file, 'pricePerHour', price, 0),
    simulated: measuredDevice({ sizes, platform }),
  };
}

function sizeOf(file: string, name: string, value: unknown): MeasuredTimings['sizes'][number] {
  const size = objectOf(file, name, value, ['width', 'height', 'stepMs', 'fixedMs']);
  const steps = size['stepMs'];
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > MOST)
    throw invalid(file, `${name}.stepMs is no list of 1 to ${MOST} numbers`);
  return {
    width: numberOf(file, `${name}.width`, size['width'], 16),
    height: numberOf(file, `${name}.height`, size['height'], 16),
    stepMs: steps.map((ms: unknown, index) => numberOf(file, `${name}.stepMs[${index}]`, ms, LEAST_STEP_MS)),
    fixedMs: numberOf(file, `${name}.fixedMs`, size['fixedMs'], 0),
  };
}

function platformOf(file: string, value: unknown): NonNullable<MeasuredTimings['platform']> {
  const platform = objectOf(file, 'platform', value, ['acceptMs', 'fileMs', 'storeMs']);
  const ms = (name: string): number => numberOf(file, `platform.${name}`, platform[name], 0);
  return { acceptMs: ms('acceptMs'), fileMs: ms('fileMs'), storeMs: ms('storeMs') };
}

function objectOf(
  file: string,
  name: string,
  value: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(file, `${name} is no object`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw invalid(
      file,
      `${name} has an unknown field ${JSON.stringify(unknown)}; expected some of ${known.join(', ')}`,
    );
  return value as Readonly<Record<string, unknown>>;
}

function numberOf(file: string, name: string, value: unknown, least: number): number {
  if (typeof value === 'number' && value >= least && value <= MOST_VALUE) return value;
  throw invalid(file, `${name} is ${JSON.stringify(value)}, expected a number from ${least} to ${MOST_VALUE}`);
}

function invalid(file: string, problem: string): CliError {
  const message = `The timings ${file} cannot be used: ${problem}.`;
  return new CliError('timings_invalid', message, { exitCode: exitCodes.usage, details: { file } });
}

const MOST = 64;
const MOST_VALUE = 1e9;
const LEAST_STEP_MS = 0.001;
