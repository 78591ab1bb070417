/** Numbers, sizes and times in the reader's language and manner. Everything goes through Intl. */

/**
 * The kind of a language that the reader's browser names first: `en-GB` for somebody who reads the page in English
 * there. A language that the browser does not name is taken as it is.
 */
export function localeOf(language: string, named: readonly string[] = globalThis.navigator?.languages ?? []): string {
  const base = language.split('-')[0];
  return named.find((one) => one === language || one.split('-')[0] === base) ?? language;
}

export function formatNumber(language: string, value: number): string {
  return new Intl.NumberFormat(localeOf(language)).format(value);
}

/** `412 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`, in the language's own short units. */
export function formatDuration(language: string, ms: number): string {
  const unit = (value: number, name: string, digits: number): string =>
    spaced(
      new Intl.NumberFormat(localeOf(language), {
        style: 'unit',
        unit: name,
        unitDisplay: 'short',
        maximumFractionDigits: digits,
      }).format(value),
    );
  if (ms < 1000) return unit(Math.round(ms), 'millisecond', 0);
  if (ms < 60_000) return unit(ms / 1000, 'second', 1);
  const seconds = Math.round(ms / 1000);
  const [large, small] = seconds < 3_600 ? (['minute', 'second'] as const) : (['hour', 'minute'] as const);
  const size = seconds < 3_600 ? 60 : 3_600;
  const rest = Math.floor((seconds % size) / (size / 60));
  const whole = unit(Math.floor(seconds / size), large, 0);
  return rest === 0 ? whole : `${whole} ${unit(rest, small, 0)}`;
}

/** Chinese as the page writes it: a space between a number and the characters beside it. */
function spaced(text: string): string {
  return text.replace(/(?<=\d)(?=\p{Script=Han})/gu, ' ');
}

/** `82 kB`, `1.4 MB`; units of 1000 bytes. */
export function formatBytes(language: string, bytes: number): string {
  const [unit, size] =
    bytes < 1000 ? ['byte', 1] : bytes < 1e6 ? ['kilobyte', 1e3] : bytes < 1e9 ? ['megabyte', 1e6] : ['gigabyte', 1e9];
  const maximumFractionDigits = bytes < 1e6 ? 0 : 1;
  return new Intl.NumberFormat(localeOf(language), {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits,
  }).format(bytes / size);
}

/** `45%` of a share, in the manner of the language. */
export function formatPercent(language: string, share: number, maximumFractionDigits = 0): string {
  return new Intl.NumberFormat(localeOf(language), { style: 'percent', maximumFractionDigits }).format(share);
}

/** Time of day, e.g. `17:05`. */
export function formatTime(language: string, timestamp: string): string {
  return new Intl.DateTimeFormat(localeOf(language), { timeStyle: 'short' }).format(new Date(timestamp));
}

/** Date and time of day, e.g. for a tooltip. */
export function formatDateTime(language: string, timestamp: string): string {
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(timestamp),
  );
}

/** A day of the calendar that is written `2026-11-25`. */
export function formatDay(language: string, day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return day;
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeZone: 'UTC' }).format(date);
}

/** How long ago: seconds up to a minute, then minutes, hours, days; after a week the date. */
export function formatAgo(language: string, timestamp: string, now: number): string {
  const then = new Date(timestamp).getTime();
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  const relative = new Intl.RelativeTimeFormat(localeOf(language), { numeric: 'auto', style: 'short' });
  // `numeric: auto` turns 0 into "now"; seconds would have to tick to stay true.
  if (seconds < 60) return relative.format(0, 'second');
  if (seconds < 3600) return spaced(relative.format(-Math.floor(seconds / 60), 'minute'));
  if (seconds < 86_400) return spaced(relative.format(-Math.floor(seconds / 3600), 'hour'));
  if (seconds < 7 * 86_400) return spaced(relative.format(-Math.floor(seconds / 86_400), 'day'));
  return new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium' }).format(then);
}

/** An amount of money; without a currency a plain number. Small prices keep their digits. */
export function formatMoney(language: string, amount: number, currency: string | undefined): string {
  const digits = { maximumFractionDigits: amount !== 0 && Math.abs(amount) < 1 ? 4 : 2 };
  const style = currency === undefined ? {} : ({ style: 'currency', currency } as const);
  return new Intl.NumberFormat(localeOf(language), { ...style, ...digits }).format(amount);
}
