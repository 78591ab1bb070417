/** Why a server stops: a signal, or the end of the process that had started it. */
export type StopReason = NodeJS.Signals | 'parent_ended';

/**
 * Resolves with the first SIGINT or SIGTERM. From then on a second one ends the process at once: a person who presses
 * Ctrl+C twice does not want to wait.
 *
 * @param options.withParent also resolves when the parent process is gone, or has closed its channel to this one. npm
 *   passes no SIGTERM on through the shell of a script, so ending `npm start` would leave the server behind.
 */
export function untilToldToStop({ withParent }: { readonly withParent: boolean }): Promise<StopReason> {
  return new Promise((resolve) => {
    let isStopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isStopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      isStopping = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    if (!withParent) return;
    const onEnd = (): void => {
      clearInterval(watch);
      isStopping = true;
      resolve('parent_ended');
    };
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid !== parent) onEnd();
    }, PARENT_CHECK_MS);
    watch.unref();
    if (process.connected === true) process.once('disconnect', onEnd);
  });
}

const PARENT_CHECK_MS = 500;
