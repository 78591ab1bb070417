import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A rival in Python that stays loaded and answers one JSON line to each, so that both sides run in turn in one session. */
export class ReferenceProcess {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  constructor(script: string, args: readonly string[], threads: number) {
    const file = fileURLToPath(new URL(`./reference/${script}`, import.meta.url));
    const env = {
      ...process.env,
      THREADS: String(threads),
      OMP_NUM_THREADS: String(threads),
      OMP_WAIT_POLICY: 'PASSIVE',
    };
    this.#child = spawn(pythonPath(), [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'], env });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('The reference process has no output');
    this.#lines = createInterface({ input: stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** The next line of the process. */
  async answer<T>(): Promise<T> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('The reference process ended; its message stands above');
    return JSON.parse(value) as T;
  }

  ask<T>(request: unknown): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.answer<T>();
  }

  close(): void {
    this.#lines.close();
    this.#child.kill();
  }
}

/** `IMAGEMILL_BENCH_PYTHON`, or the virtual environment `.venv` of the repository. */
function pythonPath(): string {
  const own = fileURLToPath(new URL('../.venv/bin/python', import.meta.url));
  const path = process.env['IMAGEMILL_BENCH_PYTHON'] ?? own;
  if (existsSync(path)) return path;
  throw new Error(
    `${path} does not exist. Make it with "python3 -m venv .venv && .venv/bin/pip install -r benchmarks/reference/requirements.txt", or name a Python in IMAGEMILL_BENCH_PYTHON.`,
  );
}
