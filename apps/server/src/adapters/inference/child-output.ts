import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Logger } from '../../application/ports.ts';

/** Passes on what a child process prints, line by line: stdout as information, stderr as warnings. */
export function forwardOutput(
  child: ChildProcess,
  log: Logger,
  onLine: (line: string) => void = () => undefined,
): void {
  for (const [stream, level] of [
    [child.stdout, 'info'],
    [child.stderr, 'warn'],
  ] as const) {
    if (stream === null) continue;
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      onLine(line);
      log[level]({ pid: child.pid }, `engine: ${line}`);
    });
  }
}
