import type { Notice as ApiNotice } from '@imagemill/api';
import type { Notice } from '../../domain/notice.ts';

export function presentNotice({ code, message, details = {} }: Notice): ApiNotice {
  const told = Object.entries(details).flatMap(([name, value]) => {
    const text = textOf(value);
    return text === undefined ? [] : [[name, text] as const];
  });
  return { code, message, ...(told.length > 0 && { details: Object.fromEntries(told) }) };
}

/** Names and numbers as they are, lists of them as one text; what is deeper belongs to no sentence. */
function textOf(value: unknown): string | number | undefined {
  if (typeof value === 'string' || typeof value === 'number') return value;
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number');
  return isList ? value.slice(0, MOST_NAMED).join(', ') : undefined;
}

const MOST_NAMED = 10;
