import type OpenAI from 'openai';
import { toFile } from 'openai';

export interface AnswerLine {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: unknown } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A line of a batch that asks for a small picture. */
export function requestLine(customId: string, body: object = {}): string {
  const request = { prompt: `a picture of ${customId}`, size: '64x64', num_inference_steps: 1, ...body };
  return JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/images/generations', body: request });
}

export async function uploadLines(client: OpenAI, lines: readonly string[]): Promise<OpenAI.FileObject> {
  return client.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'lines.jsonl'), purpose: 'batch' });
}

export async function startBatch(
  client: OpenAI,
  lines: readonly string[],
  options: {
    readonly window?: string;
    readonly metadata?: Record<string, string>;
    readonly endpoint?: '/v1/images/edits';
  } = {},
): Promise<OpenAI.Batch> {
  const { id } = await uploadLines(client, lines);
  return client.batches.create({
    input_file_id: id,
    endpoint: options.endpoint ?? '/v1/images/generations',
    completion_window: (options.window ?? '24h') as '24h',
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  });
}

/** Asks until the batch is as wanted. */
export async function batchWhen(
  client: OpenAI,
  { id }: Pick<OpenAI.Batch, 'id'>,
  isWanted: (batch: OpenAI.Batch) => boolean = hasEnded,
): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (isWanted(batch)) return batch;
    if (hasEnded(batch)) throw new Error(`the batch has ended: ${JSON.stringify(batch)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function hasEnded({ status }: OpenAI.Batch): boolean {
  return ['completed', 'failed', 'expired', 'cancelled'].includes(status);
}

export async function answersIn(client: OpenAI, fileId: string | undefined | null): Promise<AnswerLine[]> {
  if (!fileId) return [];
  const text = await (await client.files.content(fileId)).text();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AnswerLine);
}
