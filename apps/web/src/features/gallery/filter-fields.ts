import type { PictureFilter } from '../../shared/api/pictures.ts';

/** What stands in the fields of the filter. */
export const emptyFields = {
  ...{ text: '', tenant: '', model: '', lora: '', tag: '', bulkId: '', width: '', height: '' },
  ...{ minScore: '', maxScore: '', since: '', until: '' },
};
export type Fields = typeof emptyFields;

interface Address {
  readonly fields: Fields;
  readonly isStarred: boolean;
}

const names = Object.keys(emptyFields) as (keyof Fields)[];
const shownFirst: readonly (keyof Fields)[] = ['text', 'model', 'tag'];

/** The fields as the address has them: a reload keeps the filter, and the address can be passed on. */
export function readAddress(): Address {
  const query = new URLSearchParams(globalThis.location.search);
  const entries = names.map((name) => [name, (query.get(name) ?? '').slice(0, 200)] as const);
  return { fields: { ...emptyFields, ...Object.fromEntries(entries) }, isStarred: query.has('starred') };
}

export function writeAddress(fields: Fields, isStarred: boolean): void {
  const { pathname, hash } = globalThis.location;
  const query = new URLSearchParams(names.flatMap((name) => (fields[name] === '' ? [] : [[name, fields[name]]])));
  if (isStarred) query.set('starred', 'true');
  const search = query.size === 0 ? '' : `?${query}`;
  if (search !== globalThis.location.search) history.replaceState(history.state, '', pathname + search + hash);
}

export function filterOfAddress(): PictureFilter {
  const { fields, isStarred } = readAddress();
  return filterOf(fields, isStarred);
}

/** Whether something stands in a field that is not shown at first. */
export function hasFurther(fields: Fields): boolean {
  return names.some((name) => fields[name] !== '' && !shownFirst.includes(name));
}

export function filterOf(fields: Fields, isStarred: boolean): PictureFilter {
  const side = (text: string): number | undefined => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined);
  // A comma is a decimal sign to many readers.
  const score = (text: string): number | undefined =>
    /^-?\d{1,5}([.,]\d{0,4})?$/.test(text.trim()) ? Number(text.trim().replace(',', '.')) : undefined;
  const words = (text: string): string | undefined => (text.trim() === '' ? undefined : text.trim());
  // Days begin and end at the reader's midnight; the last one is meant with all its hours.
  const midnight = (text: string, addedDays: number): string | undefined => {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
    const day = new Date(`${text}T00:00`);
    day.setDate(day.getDate() + addedDays);
    return day.toISOString();
  };
  return {
    text: words(fields.text),
    model: words(fields.model),
    lora: words(fields.lora),
    tag: words(fields.tag),
    bulkId: words(fields.bulkId),
    tenant: words(fields.tenant),
    minScore: score(fields.minScore),
    maxScore: score(fields.maxScore),
    width: side(fields.width),
    height: side(fields.height),
    since: midnight(fields.since, 0),
    until: midnight(fields.until, 1),
    starred: isStarred ? true : undefined,
  };
}
