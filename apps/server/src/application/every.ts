import type { Clock } from './ports.ts';

/** Runs the function again and again, each time a while after it ended; the result stops it. */
export function every(
  clock: Clock,
  ms: number,
  run: () => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let isStopped = false;
  let callOff: () => void = () => undefined;
  const schedule = (): void => {
    callOff = clock.after(ms, () => {
      void run()
        .catch(onError)
        .finally(() => {
          if (!isStopped) schedule();
        });
    });
  };
  schedule();
  return () => {
    isStopped = true;
    callOff();
  };
}
