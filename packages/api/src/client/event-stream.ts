/** One message of a server-sent event stream; comments come as messages without a type. */
export interface StreamMessage {
  readonly kind: 'message' | 'comment';
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/**
 * Splits the body of a `text/event-stream` answer into messages, as the HTML standard describes it
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
 * An unfinished message at the end of the body is dropped.
 */
export async function* readMessages(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamMessage, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let block: string[] = [];
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith(':')) yield { kind: 'comment', id: undefined, event: '', data: line.slice(1).trim() };
        else if (line !== '') block.push(line);
        else if (block.length > 0) {
          yield parseBlock(block);
          block = [];
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseBlock(lines: readonly string[]): StreamMessage {
  let id: string | undefined;
  let event = 'message';
  const data: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return { kind: 'message', id, event, data: data.join('\n') };
}
