/**
 * A load of jobs during which engine and server are killed again and again, answers of the engine are damaged and the
 * disk is filled, and what must be true in the end: every job that was accepted has exactly one picture or one clear
 * error.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Generation } from '@imagemill/api';
import { type Client, createClient } from '@imagemill/api/client';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { ServerFolder, type ServerProcess } from './server-process.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Generations that are submitted while things go wrong. */
  readonly generations: number;
  /** Pictures of each. */
  readonly count: number;
  readonly kills: number;
  /** Longest time between two kills. */
  readonly maxPauseMs: number;
  readonly settings: SettingsInput;
  /** Share of the engine's answers that are damaged on their way. @default 0 */
  readonly damage?: number;
  /** Whether the disk is full now and then; needs the right to mount a small one. @default false */
  readonly fillDisk?: boolean;
  readonly report?: (line: string) => void;
}

export interface ChaosResult {
  readonly serverKills: number;
  readonly engineKills: number;
  /** Times the disk was full. */
  readonly diskFills: number;
  /** Times an engine process was ended, for a damaged answer or otherwise. */
  readonly engineCrashes: number;
  /** Answers that a submitter never got, so that it asked again with the same idempotency key. */
  readonly repeats: number;
  readonly generations: readonly Generation[];
  /** Every generation of the server, in case there are more than were asked for. */
  readonly listed: number;
  /** Attempts of all jobs. */
  readonly attempts: number;
  /** Attempts that gave a picture, for each job. */
  readonly picturesByJob: readonly number[];
  /** Pictures whose bytes did not fit their hash. */
  readonly damaged: number;
}

/** Runs the load to its end. Linux: the engine's process id is read from /proc. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const folder = await ServerFolder.create();
  try {
    return await new Chaos(folder, options).run();
  } finally {
    await folder.remove();
  }
}

class Chaos {
  readonly #folder: ServerFolder;
  readonly #options: ChaosOptions;
  readonly #random: () => number;
  #server: ServerProcess | undefined;
  #serverKills = 0;
  #engineKills = 0;
  #repeats = 0;
  #diskFills = 0;
  #engineCrashes = 0;
  #disk: SmallDisk | undefined;

  constructor(folder: ServerFolder, options: ChaosOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#random = mulberry32(options.seed);
  }

  async run(): Promise<ChaosResult> {
    const { generations: wanted, kills, report } = this.#options;
    if (this.#options.fillDisk === true) this.#disk = await SmallDisk.mount(join(this.#folder.path, 'disk'));
    try {
      return await this.#runLoad(wanted, kills, report);
    } finally {
      this.#disk?.unmount();
    }
  }

  async #runLoad(wanted: number, kills: number, report: ChaosOptions['report']): Promise<ChaosResult> {
    await this.#start();
    const submitting = Promise.all(Array.from({ length: wanted }, (_, i) => this.#submit(i)));
    for (let kill = 0; kill < kills; kill++) {
      await pause(this.#random() * this.#options.maxPauseMs);
      await this.#kill();
      report?.(`kill ${kill + 1} of ${kills}`);
    }
    const accepted = await submitting;
    const generations: Generation[] = [];
    for (const id of accepted) generations.push(await this.#finished(id));
    return this.#inspect(generations);
  }

  get #client(): Client {
    return createClient({ baseUrl: this.#server?.url ?? '' });
  }

  async #start(): Promise<void> {
    const { damage = 0, settings, seed } = this.#options;
    const nodeArgs = damage === 0 ? [] : ['--import', `${DAMAGE.href}?share=${damage}&seed=${seed}`];
    const place = this.#disk === undefined ? {} : { dataDir: 'disk/data' };
    this.#server = await this.#folder.start({ ...settings, ...place }, nodeArgs);
  }

  async #kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    if (this.#disk !== undefined && this.#random() < 0.3) {
      this.#diskFills += 1;
      await this.#disk.fill();
      await pause(300);
      return this.#disk.free();
    }
    this.#engineCrashes += (await this.#client.getSystem()).engines[0]?.crashes ?? 0;
    const [engine] = await server.enginePids();
    if (this.#random() < 0.5 && engine !== undefined) {
      this.#engineKills += 1;
      process.kill(engine, 'SIGKILL');
      return;
    }
    this.#serverKills += 1;
    await server.stop('SIGKILL');
    await this.#start();
  }

  /** Asks until there is an answer, as a careful client does; gives the id of the generation. */
  async #submit(index: number): Promise<string> {
    const { count, generations, kills, maxPauseMs } = this.#options;
    // Spread over the time in which things are killed.
    await pause((index / generations) * kills * maxPauseMs * 0.5);
    const priority = (['interactive', 'standard', 'bulk'] as const)[index % 3];
    while (true) {
      try {
        const request = { prompt: `picture ${index}`, count, seed: index * count, width: 64, height: 64, priority };
        const { id } = await this.#client.submitGeneration(request, { idempotencyKey: `chaos-${index}` });
        return id;
      } catch {
        this.#repeats += 1;
        await pause(50);
      }
    }
  }

  async #finished(id: string): Promise<Generation> {
    while (true) {
      const generation = await this.#client.getGeneration(id);
      if (generation.state !== 'queued' && generation.state !== 'running') return generation;
      for await (const _event of this.#client.events(id));
    }
  }

  async #inspect(generations: readonly Generation[]): Promise<ChaosResult> {
    let [attempts, damaged, listed] = [0, 0, 0];
    const picturesByJob: number[] = [];
    for (const { jobs } of generations) {
      for (const { id, attempt, asset } of jobs) {
        attempts += attempt;
        const tries = (await this.#client.getJob(id)).attempts;
        picturesByJob.push(tries.filter(({ outcome }) => outcome === 'succeeded').length);
        if (asset === undefined) continue;
        const response = await fetch(this.#client.url(asset.url));
        const hash = createHash('sha256').update(Buffer.from(await response.arrayBuffer()));
        if (hash.digest('hex') !== asset.sha256) damaged += 1;
      }
    }
    let cursor: string | undefined;
    do {
      const page = await this.#client.listGenerations({ limit: 100, cursor });
      listed += page.items.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const [serverKills, engineKills, repeats] = [this.#serverKills, this.#engineKills, this.#repeats];
    const [diskFills, engineCrashes] = [this.#diskFills, this.#engineCrashes];
    return {
      serverKills,
      engineKills,
      diskFills,
      engineCrashes,
      repeats,
      generations,
      listed,
      attempts,
      picturesByJob,
      damaged,
    };
  }
}

/** A disk of its own, small enough to be filled. Needs the right to mount. */
class SmallDisk {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async mount(path: string): Promise<SmallDisk> {
    await mkdir(path);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', path]);
    if (status !== 0) throw new Error(`No small disk can be mounted at ${path}.`);
    return new SmallDisk(path);
  }

  /** Leaves not a byte. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'w');
    try {
      for (let size = 1 << 20; size >= 1; size = Math.floor(size / 16)) {
        while ((await file.write(new Uint8Array(size)).catch(() => undefined)) !== undefined);
      }
    } finally {
      await file.close();
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.#path]);
  }

  get #filler(): string {
    return join(this.#path, 'filler');
  }
}

const DAMAGE = new URL('./damage-answers.mjs', import.meta.url);

/** Numbers from 0 to 1 that follow from a seed (Mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
