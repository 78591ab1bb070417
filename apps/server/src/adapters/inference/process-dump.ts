import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What a process is doing, for whoever wants to know why it stands still. Holds no memory and no environment of it. */
export interface ProcessDump {
  readonly pid: number;
  /** Lines of `/proc/<pid>/status` about state and memory; empty on other systems. */
  readonly status: Readonly<Record<string, string>>;
  /** Every thread: name, state (R runs, S sleeps, D waits for the device), where in the kernel, milliseconds computed. */
  readonly threads: readonly {
    readonly name: string;
    readonly state: string;
    readonly waitsIn: string;
    readonly cpuMs: number;
  }[];
  /** Where its JavaScript stands; undefined when it stands in native code and cannot answer. */
  readonly stack: readonly string[] | undefined;
}

/**
 * Looks at a process from outside, and asks it for its stack if it was started with `reportArguments`. Takes at most
 * about a second; never throws.
 */
export async function dumpProcess(pid: number, reportFolder: string): Promise<ProcessDump> {
  const stack = readStack(pid, reportFolder);
  const [status, threads] = await Promise.all([readStatus(pid), readThreads(pid)]);
  return { pid, status, threads, stack: await stack };
}

/** Arguments of Node that make a process write a report when it gets SIGUSR2. */
export function reportArguments(folder: string): string[] {
  return [
    '--report-on-signal',
    '--report-signal=SIGUSR2',
    `--report-directory=${folder}`,
    '--report-compact',
    ...(process.allowedNodeEnvironmentFlags.has('--report-exclude-env') ? ['--report-exclude-env'] : []),
  ];
}

async function readStatus(pid: number): Promise<Record<string, string>> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const wanted = ['State', 'VmPeak', 'VmRSS', 'VmSwap', 'Threads', 'voluntary_ctxt_switches'];
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [name = '', value = ''] = line.split(':\t');
      return wanted.includes(name) ? [[name, value.trim()]] : [];
    }),
  );
}

async function readThreads(pid: number): Promise<ProcessDump['threads']> {
  const folder = `/proc/${pid}/task`;
  const ids = await readdir(folder).catch(() => []);
  return Promise.all(
    ids.slice(0, MOST_THREADS).map(async (id) => {
      const stat = await readFile(join(folder, id, 'stat'), 'utf8').catch(() => '');
      const waitsIn = await readFile(join(folder, id, 'wchan'), 'utf8').catch(() => '');
      // The name stands in brackets and may hold spaces: fields are counted from behind it.
      const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
      const fields = rest.split(' ');
      const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
      return { name, state: fields[0] ?? '', waitsIn, cpuMs: ticks * MS_PER_TICK };
    }),
  );
}

async function readStack(pid: number, folder: string): Promise<readonly string[] | undefined> {
  try {
    process.kill(pid, 'SIGUSR2');
  } catch {
    return undefined; // gone
  }
  for (let waited = 0; waited < STACK_WAIT_MS; waited += STACK_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, STACK_POLL_MS));
    const names = await readdir(folder).catch(() => []);
    const name = names.find((one) => one.startsWith('report.') && one.includes(`.${pid}.`));
    if (name === undefined) continue;
    const path = join(folder, name);
    try {
      const report = JSON.parse(await readFile(path, 'utf8')) as { javascriptStack?: { stack?: string[] } };
      await rm(path, { force: true });
      return (report.javascriptStack?.stack ?? []).slice(0, MOST_FRAMES).map((frame) => frame.trim());
    } catch {
      // Half written: looked at again.
    }
  }
  return undefined;
}

const MOST_THREADS = 64;
const MOST_FRAMES = 40;
/** USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;
const STACK_WAIT_MS = 1_000;
const STACK_POLL_MS = 50;
