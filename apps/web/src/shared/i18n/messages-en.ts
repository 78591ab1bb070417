import { administrationEn } from './administration-en.ts';
import { en } from './en.ts';
import { errorsEn } from './errors-en.ts';
import { noticesEn } from './notices-en.ts';
import { reviewEn } from './review-en.ts';

/** All that the page says in English. */
export const messagesEn = {
  ...en,
  administration: administrationEn,
  errors: errorsEn,
  notices: noticesEn,
  review: reviewEn,
} as const;
