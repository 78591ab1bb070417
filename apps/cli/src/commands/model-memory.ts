import { setTimeout as pause } from 'node:timers/promises';
import type { Model, Notice } from '@imagemill/api';
import { ApiError, type Client } from '@imagemill/api/client';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { ServerFlags } from '../command-line/server-option.ts';
import { formatBytes } from '../terminal/format.ts';
import { clientOf } from './server-client.ts';

export interface MemoryFlags extends ServerFlags {
  readonly json: boolean;
}

/** Orders a model into the memory of a server and waits until it is there. */
export async function loadModel(name: string, flags: MemoryFlags, context: CommandContext): Promise<number> {
  const client = clientOf(flags.server, context);
  let held = stateOf(await ordered(client, name), name);
  while (held.state === 'loading') {
    await pause(POLL_MS);
    const { items } = await client.listModels();
    const found = items.find((model) => stateOf(model, name).isNamed);
    if (found === undefined) break;
    held = stateOf(found, name);
  }
  const { output } = context;
  if (flags.json) output.result(JSON.stringify(held));
  else if (held.state === 'loaded') output.note(`${name} is in memory, ${formatBytes(held.bytes)}.`);
  else output.note(`${name} is not in memory: ${held.problem?.message ?? held.state}`);
  return held.state === 'loaded' ? exitCodes.ok : exitCodes.failed;
}

/** An engine that is only just starting is waited for. */
async function ordered(client: Client, name: string): Promise<Model> {
  const until = Date.now() + MOST_STARTING_MS;
  for (;;) {
    try {
      return await client.loadModel(name);
    } catch (error) {
      const isStarting = error instanceof ApiError && error.code === 'engine_unavailable';
      if (!isStarting || Date.now() > until) throw error;
      await pause(POLL_MS);
    }
  }
}

export async function unloadModel(name: string, flags: MemoryFlags, context: CommandContext): Promise<number> {
  const held = stateOf(await clientOf(flags.server, context).unloadModel(name), name);
  if (flags.json) context.output.result(JSON.stringify(held));
  else context.output.note(`${name} is not in memory.`);
  return exitCodes.ok;
}

interface Held {
  readonly name: string;
  readonly state: string;
  readonly bytes: number;
  readonly problem: Notice | undefined;
  /** Whether the model has this name at all. */
  readonly isNamed: boolean;
}

/** What a model says of the name: of itself, or of one of its precisions. */
function stateOf(model: Model, name: string): Held {
  const variant = model.precisions.find((one) => one.name === name);
  const { state, bytes, problem } = variant ?? model;
  return { name, state, bytes, problem, isNamed: variant !== undefined || model.name === name };
}

const POLL_MS = 200;
const MOST_STARTING_MS = 60_000;
