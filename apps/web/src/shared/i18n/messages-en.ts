import { administrationEn } from './administration-en.ts';
import { en } from './en.ts';
import { errorsEn } from './errors-en.ts';

/** All that the page says in English. */
export const messagesEn = { ...en, administration: administrationEn, errors: errorsEn } as const;
