import { fileId } from '../domain/ids.ts';
import type { KeptFile } from '../domain/kept-file.ts';
import type { Order, OrderLine, OrderUsage } from '../domain/order.ts';
import type { FileFolder, FileWriter, OrderDoor, RequestLine } from './order-ports.ts';
import type { Clock, Store } from './ports.ts';

export interface WriteAnswersPorts {
  readonly store: Store;
  readonly folder: FileFolder;
  readonly door: OrderDoor;
  readonly clock: Clock;
  /** How long answers are kept when the order does not say so. */
  readonly keepMs: number;
}

export interface Answers {
  /** Undefined where there is no such answer. */
  readonly output: KeptFile | undefined;
  readonly errors: KeptFile | undefined;
  readonly usage: OrderUsage;
  readonly counts: Order['counts'];
}

/**
 * Writes the answers of all lines, those with a picture to one file and the others to another. The names of the files
 * follow from the order, so what a process that ended in the middle left is overwritten.
 */
export async function writeAnswers(order: Order, lines: AsyncIterable<RequestLine>, ports: WriteAnswersPorts) {
  const output = new AnswerFile(order, 'output', ports);
  const errors = new AnswerFile(order, 'error', ports);
  const usage = { inputTokens: 0, outputTokens: 0 };
  const counts = { total: 0, completed: 0, failed: 0 };
  try {
    for await (const group of groupsOf(lines, GROUP)) {
      const [from, to] = [group[0]?.line ?? 0, group.at(-1)?.line ?? 0];
      const known = new Map((await ports.store.orders.lines(order.id, from, to)).map((line) => [line.line, line]));
      for (const line of group) {
        const answer = await answerOf(line, known.get(line.line), order, ports);
        counts.total += 1;
        if (answer.usage !== undefined) {
          usage.inputTokens += answer.usage.inputTokens;
          usage.outputTokens += answer.usage.outputTokens;
        }
        counts[answer.isOutput ? 'completed' : 'failed'] += 1;
        (answer.isOutput ? output : errors).add(answer.text);
      }
      await output.flush();
      await errors.flush();
    }
    return { output: await output.close(), errors: await errors.close(), usage, counts } satisfies Answers;
  } catch (error) {
    await Promise.allSettled([output.discard(), errors.discard()]);
    throw error;
  }
}

interface Answer {
  readonly text: string;
  readonly isOutput: boolean;
  readonly usage?: OrderUsage | undefined;
}

async function answerOf(
  line: RequestLine,
  known: OrderLine | undefined,
  order: Order,
  { store, door }: WriteAnswersPorts,
): Promise<Answer> {
  const id = `batch_req_${order.id.slice(order.id.indexOf('_') + 1)}_${line.line}`;
  const custom_id = 'customId' in line ? line.customId : null;
  const write = (rest: object): string => `${JSON.stringify({ id, custom_id, ...rest })}\n`;
  const unanswered = { text: write({ response: null, error: ENDED[order.end ?? 'expired'] }), isOutput: false };
  if (known === undefined || known.state === 'open' || 'error' in line) return unanswered;
  if (known.refusal !== undefined) {
    const { status: status_code, body } = known.refusal;
    return { text: write({ response: { status_code, request_id: id, body }, error: null }), isOutput: false };
  }
  const generation = known.generationId && (await store.findGeneration(order.tenantId, known.generationId));
  if (generation === undefined) return unanswered;
  // What was cancelled with the order has no answer of its own.
  if (generation.generation.state === 'cancelled' && order.end !== 'completed') return unanswered;
  const { status, body, usage } = door.answerOf(generation, { body: line.body, origin: order.origin });
  const response = { status_code: status, request_id: generation.generation.id, body };
  return { text: write({ response, error: null }), isOutput: status < 400, usage };
}

/** A file that is there only if it has a line. */
class AnswerFile {
  readonly #order: Order;
  readonly #kind: 'output' | 'error';
  readonly #ports: WriteAnswersPorts;
  #writer: FileWriter | undefined;
  #text = '';

  constructor(order: Order, kind: 'output' | 'error', ports: WriteAnswersPorts) {
    this.#order = order;
    this.#kind = kind;
    this.#ports = ports;
  }

  add(text: string): void {
    this.#text += text;
  }

  async flush(): Promise<void> {
    if (this.#text === '') return;
    this.#writer ??= await this.#ports.folder.write(this.#id);
    const text = this.#text;
    this.#text = '';
    await this.#writer.write(text);
  }

  async close(): Promise<KeptFile | undefined> {
    if (this.#writer === undefined) return undefined;
    const sizeBytes = await this.#writer.close();
    const { id, tenantId, keyId, keepOutputMs } = this.#order;
    const createdAt = this.#ports.clock.now();
    const expiresAt = createdAt + (keepOutputMs ?? this.#ports.keepMs);
    const file = { id: this.#id, tenantId, keyId, name: `${id}_${this.#kind}.jsonl`, sizeBytes, createdAt, expiresAt };
    return { ...file, purpose: 'batch_output' };
  }

  async discard(): Promise<void> {
    await this.#writer?.discard();
  }

  get #id() {
    return fileId(`${this.#order.id.replace('batch_', 'file-')}-${this.#kind}`);
  }
}

export async function* groupsOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Of lines that have no answer because the order ended before. */
const ENDED = {
  completed: { code: 'not_executed', message: 'This request was not executed.' },
  expired: { code: 'batch_expired', message: 'This request was not executed before the completion window ended.' },
  cancelled: { code: 'batch_cancelled', message: 'This request was not executed before the batch was cancelled.' },
} as const;
const GROUP = 200;
