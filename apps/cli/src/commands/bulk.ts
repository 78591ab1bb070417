import { createWriteStream, existsSync, openAsBlob } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bulk, Generation } from '@imagemill/api';
import type { BulkSettingsQuery, Client } from '@imagemill/api/client';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { ServerFlags } from '../command-line/server-option.ts';
import { clientOf } from './server-client.ts';

export interface BulkFlags extends BulkSettingsQuery, ServerFlags {
  readonly dryRun: boolean;
  readonly out?: string | undefined;
  readonly resume?: string | undefined;
  readonly json: boolean;
}

/** Hands a file of rows to a server, waits, and brings the pictures into a folder. */
export async function drawBulk(path: string, flags: BulkFlags, context: CommandContext): Promise<number> {
  const { server, dryRun, out, resume, json, ...query } = flags;
  const { environment, output } = context;
  if (!existsSync(path)) throw optionError('<file>', path, 'a CSV, JSON Lines or Excel file that is there');
  const headers: Record<string, string> =
    environment.server.key === undefined ? {} : { authorization: `Bearer ${environment.server.key}` };
  const client = clientOf(server, context);
  const file = await openAsBlob(path);
  if (dryRun) return showPlan(await client.planBulk(basename(path), file, query), json, context);
  const begun =
    resume === undefined ? await client.createBulk(basename(path), file, query) : await client.getBulk(resume);
  if (!json) output.note(`bulk ${begun.id}: --resume ${begun.id} goes on with it`);
  const bulk = await ended(client, begun, context);
  if (out !== undefined) await bring({ client, headers, folder: out }, bulk);
  for (const state of ['broken'] as const) {
    for await (const row of rowsOf(client, bulk, state)) output.note(`line ${row.line}: ${row.problem}`);
  }
  const { submitted, unchanged, broken } = bulk.rows;
  const { succeeded, asked } = bulk.pictures;
  if (json) output.result(JSON.stringify(bulk));
  else
    output.result(
      `${bulk.state}: ${succeeded} of ${asked} pictures; ${submitted} rows drawn, ${unchanged} unchanged, ${broken} broken`,
    );
  return bulk.state === 'finished' && broken === 0 && succeeded === asked ? exitCodes.ok : exitCodes.failed;
}

function showPlan(plan: Awaited<ReturnType<Client['planBulk']>>, json: boolean, { output }: CommandContext): number {
  if (json) output.result(JSON.stringify(plan));
  else {
    for (const { line, problem } of plan.broken) output.note(`line ${line}: ${problem}`);
    const cost = plan.cost === undefined ? '' : `, ${plan.cost.amount.toFixed(2)} ${plan.cost.currency}`;
    const guess = plan.isMeasured ? '' : ' (a guess: nothing was drawn with this model yet)';
    output.result(
      `${plan.rows} rows: ${plan.pictures} pictures of ${plan.generations} generations, ${plan.unchanged} unchanged, ${plan.brokenCount} broken; ` +
        `${plan.deviceSeconds.toFixed(1)} s of the device${guess}${cost}`,
    );
  }
  return plan.brokenCount === 0 ? exitCodes.ok : exitCodes.failed;
}

async function ended(client: Client, begun: Bulk, { output }: CommandContext): Promise<Bulk> {
  let note: string | undefined;
  for (;;) {
    const bulk = await client.getBulk(begun.id);
    const { message } = bulk.note ?? {};
    if (message !== undefined && message !== note) output.note(message);
    note = message;
    if (!['reading', 'running', 'paused'].includes(bulk.state)) return bulk;
    await pause(POLL_MS);
  }
}

interface Bringing {
  readonly client: Client;
  readonly headers: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** What is in the folder already is left as it is. */
async function bring(bringing: Bringing, bulk: Bulk): Promise<void> {
  await mkdir(bringing.folder, { recursive: true });
  for await (const { line, generationId } of rowsOf(bringing.client, bulk)) {
    if (generationId !== undefined) await bringOne(bringing, line, await bringing.client.getGeneration(generationId));
  }
  await download(bringing, bulk.links.manifest, 'manifest.csv');
}

async function bringOne(bringing: Bringing, line: number, { jobs }: Generation): Promise<void> {
  for (const { index, asset } of jobs) {
    if (asset === undefined) continue;
    const ending = asset.mediaType === 'image/jpeg' ? 'jpg' : asset.mediaType.replace('image/', '');
    const name = `${String(line).padStart(6, '0')}-${index}.${ending}`;
    if (!existsSync(join(bringing.folder, name))) await download(bringing, asset.url, name);
  }
}

/** Under another name until it is whole. */
async function download({ client, headers, folder }: Bringing, url: string, name: string): Promise<void> {
  const response = await fetch(client.url(url), { headers });
  if (!response.ok || response.body === null) throw new Error(`${url} was answered with ${response.status}.`);
  const part = join(folder, `${name}.part`);
  await pipeline(response.body, createWriteStream(part));
  await rename(part, join(folder, name));
}

async function* rowsOf(client: Client, { id }: Bulk, state?: 'broken') {
  let cursor: string | undefined;
  do {
    const page = await client.listBulkRows(id, { limit: 1_000, cursor, state });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

const POLL_MS = 500;
