/** Where a command writes: results to stdout, everything else to stderr. */
export interface Output {
  /** A line of result. */
  result(line: string): void;
  /** A line for people, beside the result. */
  note(line: string): void;
  /** True when a person watches stderr, so that a bar can be drawn there. */
  readonly isInteractive: boolean;
  readonly stderr: NodeJS.WriteStream;
  /** Draws something that stays below the lines: it is hidden while one is written. The result ends that. */
  keepBelow(drawing: { hide(): void; show(): void }): () => void;
}

export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Output {
  // A reader that has seen enough (`| head -1`) closes the pipe: that is no error of ours.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  }
  const drawings = new Set<{ hide(): void; show(): void }>();
  const writeLine = (stream: NodeJS.WriteStream, line: string): void => {
    for (const drawing of drawings) drawing.hide();
    stream.write(`${line}\n`);
    for (const drawing of drawings) drawing.show();
  };
  return {
    result: (line) => writeLine(stdout, line),
    note: (line) => writeLine(stderr, line),
    isInteractive: stderr.isTTY === true,
    stderr,
    keepBelow(drawing) {
      drawings.add(drawing);
      return () => drawings.delete(drawing);
    },
  };
}
