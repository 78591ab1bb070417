import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import type { Role } from '../../apps/server/src/main/serve.ts';

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Lines that it printed for people when it started. */
  readonly summary: readonly string[];
  /** Process ids of its engine processes (Linux). */
  enginePids(): Promise<readonly number[]>;
  /** Sends a signal and waits for the end; gives exit code and signal. */
  stop(signal: NodeJS.Signals): Promise<readonly [number | null, NodeJS.Signals | null]>;
}

/** A folder with settings for servers that follow each other on the same data. */
export class ServerFolder {
  readonly path: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<ServerFolder> {
    return new ServerFolder(await mkdtemp(join(tmpdir(), 'imagemill-process-')));
  }

  /** Starts a server process and waits until it listens. Rejects with what it wrote when it ends before. */
  async start(settings: SettingsInput = {}, nodeArgs: readonly string[] = [], role?: Role): Promise<ServerProcess> {
    const all = { dataDir: 'data', modelsDir: 'models', port: 0, device: 'fixed:50', minFreeBytes: 0, ...settings };
    const child = spawn(
      process.execPath,
      [...nodeArgs, ENTRY, JSON.stringify(all), ...(role === undefined ? [] : [role])],
      {
        cwd: this.path,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    const { url, summary, errors } = await listening(child);
    return {
      url,
      summary,
      pid: child.pid ?? 0,
      enginePids: () => childrenOf(child.pid ?? 0),
      async stop(signal) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`The process had ended by itself (${child.exitCode ?? child.signalCode}):\n${errors()}`);
        }
        const exited = once(child, 'exit');
        child.kill(signal);
        return (await exited) as [number | null, NodeJS.Signals | null];
      },
    };
  }

  async remove(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await rm(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function listening(child: ChildProcess): Promise<{ url: string; summary: readonly string[]; errors(): string }> {
  return new Promise((resolve, reject) => {
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) return reject(new Error('no pipes'));
    const summary: string[] = [];
    let errors = '';
    stderr.on('data', (chunk) => {
      errors += String(chunk);
    });
    const onExit = (code: number | null): void => reject(Object.assign(new Error(errors), { exitCode: code }));
    child.once('exit', onExit);
    createInterface({ input: stdout }).on('line', (line) => {
      summary.push(line);
      const url = /listens on (\S+)/.exec(summary[0] ?? '')?.[1];
      // The data folder is the last line that is always there.
      if (url === undefined || !line.startsWith('  data ')) return;
      child.off('exit', onExit);
      resolve({ url, summary, errors: () => errors });
    });
  });
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

const ENTRY = fileURLToPath(new URL('./serve.ts', import.meta.url));
