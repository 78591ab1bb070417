import type { Clock } from './ports.ts';

/** @throws Error when there is no answer in time; what comes later is dropped */
export function within<T>(ms: number, clock: Clock, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(ms, () => reject(new Error(`there was no answer within ${ms} ms`)));
    work().then(resolve, reject).finally(callOff);
  });
}
