import type { Logger } from '../../apps/server/src/application/ports.ts';

/** For tests that look at what happens, not at what is said about it. */
export const quietLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
