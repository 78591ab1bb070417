/** Parsers of option values: each names the option, what it got and what it expects. */
import { optionError } from './cli-error.ts';

export function wholeNumber(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw optionError(option, text, `a whole number from ${min} to ${max}`);
  };
}

export function decimalNumber(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value >= min && value <= max) return value;
    throw optionError(option, text, `a number from ${min} to ${max}`);
  };
}

export function oneOf<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice !== undefined) return choice;
    throw optionError(option, text, choices.join(', ').replace(/, ([^,]*)$/, ' or $1'));
  };
}

export function notEmpty(option: string, what: string): (text: string) => string {
  return (text) => {
    if (text.trim() !== '') return text;
    throw optionError(option, text, what);
  };
}

/** A device as the engine knows it: `cpu`, `webgpu`, `cuda:0`, `fixed:250`, and the providers of other systems. */
export function deviceName(option: string, { remote = false } = {}): (text: string) => string {
  return (text) => {
    if (remote && /^(openai|comfyui):https?:\/\/[^\s@?#]+$/.test(text)) return text;
    if (/^(cpu|webgpu|coreml|dml(:\d+)?|cuda(:\d+)?|fixed:\d+)$/.test(text)) return text;
    const elsewhere = remote ? ', openai:http://host:port or comfyui:http://host:port' : '';
    throw optionError(option, text, `cpu, webgpu or cuda:0 (cuda:1, ...)${elsewhere}`);
  };
}

/** A time: `90d`, `12h` or `30m` from now, or a date of ISO 8601. */
export function futureTime(option: string): (text: string) => string {
  return (text) => {
    const [, count, unit] = /^(\d{1,6})([dhm])$/.exec(text.trim()) ?? [];
    const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000 }[unit ?? ''];
    const at = unitMs === undefined ? Date.parse(text) : Date.now() + Number(count) * unitMs;
    if (Number.isFinite(at) && at > Date.now()) return new Date(at).toISOString();
    throw optionError(option, text, 'a time to come: 90d, 12h, 30m or a date such as 2027-01-31');
  };
}

/** A limit, or `none` to take it away. */
export function limitOrNone(option: string): (text: string) => number | 'none' {
  return (text) => (text === 'none' ? text : wholeNumber(option, 1, 1_000_000_000)(text));
}

/** What another parser takes, or `none`. */
export function orNone<T>(parse: (text: string) => T): (text: string) => T | 'none' {
  return (text) => (text === 'none' ? text : parse(text));
}

/** An amount of money, or `none`. */
export function amountOrNone(option: string): (text: string) => number | 'none' {
  return (text) => (text === 'none' ? text : decimalNumber(option, 0, 1e12)(text));
}

/** Some of the choices, parted by commas. */
export function someOf<T extends string>(option: string, choices: readonly T[]): (text: string) => readonly T[] {
  return (text) => text.split(',').map((part) => oneOf(option, choices)(part.trim()));
}

export function httpAddress(option: string): (text: string) => string {
  return (text) => {
    const protocol = URL.canParse(text) ? new URL(text).protocol : '';
    if (protocol === 'https:' || protocol === 'http:') return text;
    throw optionError(option, text, 'an http or https address');
  };
}
