import { administrationZhCn } from './administration-zh-cn.ts';
import { errorsZhCn } from './errors-zh-cn.ts';
import { noticesZhCn } from './notices-zh-cn.ts';
import { reviewZhCn } from './review-zh-cn.ts';
import { zhCn } from './zh-cn.ts';

/** All that the page says in Chinese. */
export const messagesZhCn = {
  ...zhCn,
  administration: administrationZhCn,
  errors: errorsZhCn,
  notices: noticesZhCn,
  review: reviewZhCn,
} as const;
