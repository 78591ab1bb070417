import { setTimeout as sleep } from 'node:timers/promises';
import { ModelError } from '../../application/model-errors.ts';
import type { Pauses } from '../../application/model-ports.ts';

/** Pauses by the system's timers. */
export const timerPauses: Pauses = {
  async wait(ms, signal) {
    try {
      await sleep(ms, undefined, { signal });
    } catch (cause) {
      throw new ModelError('cancelled', 'The download was stopped.', { cause });
    }
  },
  random: Math.random,
};
