import { setTimeout as pause } from 'node:timers/promises';
import { type Generation, LIMITS } from '@imagemill/api';
import type { Client } from '@imagemill/api/client';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

export interface McpToolPorts {
  /** Calls the API as the caller of the tools, so that keys, quotas and limits hold as they do there. */
  readonly client: Client;
  /** Bytes of a picture, by the path that the API gave. */
  readonly fetchPicture: (url: string) => Promise<Uint8Array>;
}

/** Pictures that are returned in one answer: they travel as base64. */
const MAX_COUNT = 4;

const prompt = z.string().min(1).max(LIMITS.promptLength).describe('What to draw, in English or Chinese');
const shape = {
  prompt,
  count: z.int().min(1).max(MAX_COUNT).default(1).describe('Pictures; picture i uses seed + i'),
  width: z.int().min(1).max(LIMITS.side).optional().describe("Pixels; the model's own width by default"),
  height: z.int().min(1).max(LIMITS.side).optional().describe("Pixels; the model's own height by default"),
  steps: z.int().min(1).max(LIMITS.steps).optional().describe("Denoise steps; the model's own number by default"),
  model: z.string().max(200).optional().describe('Name as list_models gives it; the default model otherwise'),
};

/** The tools that agents get. Faults of the API are results that say what to do, not faults of the protocol. */
export function createMcpServer({ client, fetchPicture }: McpToolPorts, version: string): McpServer {
  const server = new McpServer({ name: 'imagemill', version });
  const show = (generation: Generation): Promise<CallToolResult> => presentGeneration(generation, fetchPicture);

  server.registerTool(
    'generate',
    {
      title: 'Draw pictures',
      description:
        'Draws pictures of a prompt and returns them. One that takes longer than waitSeconds goes on; get_generation has it later.',
      inputSchema: {
        ...shape,
        negativePrompt: z.string().max(LIMITS.promptLength).optional().describe('What to move away from'),
        seed: z.int().min(0).max(LIMITS.seed).optional().describe('Picked by the server when absent'),
        waitSeconds: z.int().min(0).max(600).default(120),
      },
    },
    ({ waitSeconds, ...request }, { signal }) =>
      answered(async () => {
        const { id } = await client.submitGeneration({ ...request, priority: 'interactive' }, { signal });
        return show(await ended(client, id, { waitMs: waitSeconds * 1_000, signal }));
      }),
  );

  server.registerTool(
    'get_generation',
    {
      title: 'See what became of a generation',
      description: 'The state of a generation, with its pictures as far as they are drawn.',
      inputSchema: { id: z.string().min(1).max(64).describe('As generate gave it') },
      annotations: { readOnlyHint: true },
    },
    ({ id }) => answered(async () => show(await client.getGeneration(id))),
  );

  server.registerTool(
    'list_models',
    {
      title: 'List models',
      description: 'The models that can draw, with their sizes.',
      annotations: { readOnlyHint: true },
    },
    () => answered(async () => words(await client.listModels())),
  );

  server.registerTool(
    'estimate',
    {
      title: 'Estimate time and cost',
      description: 'Device time and cost of pictures, from what was learnt of earlier ones. Draws nothing.',
      inputSchema: shape,
      annotations: { readOnlyHint: true },
    },
    ({ prompt: text, ...settings }) =>
      answered(async () => {
        const rows = new Blob([`${JSON.stringify({ prompt: text })}\n`]);
        const { rows: _rows, unchanged: _unchanged, ...plan } = await client.planBulk('estimate.jsonl', rows, settings);
        return words(plan);
      }),
  );
  return server;
}

async function ended(
  client: Client,
  id: string,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Generation> {
  const until = Date.now() + waitMs;
  for (;;) {
    const generation = await client.getGeneration(id, { signal });
    if (generation.finishedAt !== undefined || Date.now() >= until) return generation;
    await pause(POLL_MS, undefined, { signal });
  }
}

async function presentGeneration(
  generation: Generation,
  fetchPicture: McpToolPorts['fetchPicture'],
): Promise<CallToolResult> {
  const { id, state, seed, width, height, model } = generation;
  const jobs = generation.jobs.map(({ index, state: jobState, asset, error }) => ({
    ...{ index, state: jobState, url: asset?.url, error: error?.message },
  }));
  const result = words({ id, state, seed, width, height, model, jobs });
  for (const { asset } of generation.jobs.slice(0, MAX_COUNT)) {
    if (asset === undefined) continue;
    const data = Buffer.from(await fetchPicture(asset.url)).toString('base64');
    result.content.push({ type: 'image', data, mimeType: asset.mediaType });
  }
  return { ...result, isError: state === 'failed' };
}

function words(value: object): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }] };
}

async function answered(work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    return { content: [{ type: 'text', text: (error as Error).message }], isError: true };
  }
}

const POLL_MS = 250;
