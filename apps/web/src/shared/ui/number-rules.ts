/** What a field of a number takes. */
export interface NumberRules {
  readonly min: number;
  readonly max: number;
  /** A whole one above 1 is a grain: values are multiples of it. */
  readonly step?: number;
  readonly isDecimal?: boolean;
}

/** What of a text can be the beginning of a number; the wide digits of Chinese input methods are digits, too. */
export function cleanNumber(text: string, { min, isDecimal = false }: NumberRules): string {
  const plain = text.normalize('NFKC').replaceAll('。', '.');
  const sign = min < 0 && plain.trimStart().startsWith('-') ? '-' : '';
  // 1,024 is a whole number with a separator; 0,8 is what others write for 0.8.
  const [whole = '', ...parts] = (isDecimal ? plain.replaceAll(',', '.') : plain.replaceAll(',', '')).split('.');
  const digits = (part: string): string => part.replace(/\D/g, '');
  return sign + digits(whole) + (isDecimal && parts.length > 0 ? `.${digits(parts.join(''))}` : '');
}

/** Undefined for what is no number yet. */
export function parseNumber(text: string): number | undefined {
  const number = /\d/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** The nearest number that the rules take. */
export function fitNumber(value: number, { min, max, step = 1, isDecimal = false }: NumberRules): number {
  if (isDecimal) return Math.min(max, Math.max(min, value));
  const [least, most] = [Math.ceil(min / step) * step, Math.floor(max / step) * step];
  return Math.min(most, Math.max(least, Math.round(value / step) * step));
}

/** One step up or down; from nothing, to the least. */
export function steppedNumber(value: number | undefined, direction: 1 | -1, rules: NumberRules): number {
  const next = value === undefined ? rules.min : value + direction * (rules.step ?? 1);
  // Without the dust of binary fractions.
  return fitNumber(Math.round(next * 1e6) / 1e6, rules);
}
