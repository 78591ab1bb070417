import { MAX_LINES, type OrderError } from '../domain/order.ts';
import type { RequestLine } from './order-ports.ts';

export interface Validated {
  readonly total: number;
  /** The first of them. */
  readonly errors: readonly OrderError[];
}

/** Reads every line and takes none in. An order is done as a whole or, with a line that cannot be read, not at all. */
export async function validateLines(lines: AsyncIterable<RequestLine>, isStopped: () => boolean): Promise<Validated> {
  const errors: OrderError[] = [];
  const add = (error: OrderError): void => {
    if (errors.length < MAX_ERRORS) errors.push(error);
  };
  const seen = new Set<string>();
  let total = 0;
  for await (const one of lines) {
    if (isStopped()) break;
    total += 1;
    if (total > MAX_LINES) {
      const message = `The file has more than ${MAX_LINES} requests.`;
      return { total: 0, errors: [{ code: 'too_many_requests', message, param: null, line: null }] };
    }
    if ('error' in one) add(one.error);
    else if (seen.has(one.customId)) {
      const message = `The custom_id ${JSON.stringify(one.customId)} is there twice.`;
      add({ code: 'duplicate_custom_id', message, param: 'custom_id', line: one.line });
    } else seen.add(one.customId);
  }
  if (total === 0) add({ code: 'empty_file', message: 'The file has no requests.', param: null, line: null });
  return { total, errors };
}

const MAX_ERRORS = 1_000;
