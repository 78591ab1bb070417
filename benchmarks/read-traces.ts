/** A collector of OpenTelemetry traces that keeps what the server says of each picture. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Ms, but for `batch`. */
export interface TracedPicture {
  /** From the record of the job to its claim. */
  readonly queueMs: number;
  /** From the claim to the record of the picture. */
  readonly attemptMs: number;
  /** Prompt. */
  readonly encodeMs: number;
  /** Steps that the picture was in. */
  readonly denoiseMs: number;
  /** Decoding, and writing the file format beside the device. */
  readonly decodeMs: number;
  /** Its share of the steps, prompt and decoding. */
  readonly deviceMs: number;
  /** The part of `decodeMs` that the device was busy with. */
  readonly pixelsMs: number;
  /** Pictures that moved together, on average over its steps. */
  readonly batch: number;
}

export interface TraceReader {
  readonly url: string;
  /** The picture of a generation of one; waits for its trace. */
  pictureOf(generationId: string): Promise<TracedPicture>;
  close(): Promise<void>;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string; readonly doubleValue?: number };
}

interface Span {
  readonly traceId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
}

export async function startTraceReader(): Promise<TraceReader> {
  const spans = new Map<string, Span[]>();
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    for (const span of spansIn(Buffer.concat(chunks).toString('utf8'))) {
      const own = spans.get(span.traceId);
      if (own === undefined) spans.set(span.traceId, [span]);
      else own.push(span);
    }
    response.end();
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    pictureOf: (generationId) =>
      new Promise((resolve) => {
        const look = (): void => {
          const picture = pictureIn(spans.get(generationId.replaceAll('-', '')) ?? []);
          if (picture === undefined) return;
          waiting.delete(look);
          resolve(picture);
        };
        waiting.add(look);
        look();
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function spansIn(body: string): readonly Span[] {
  const { resourceSpans } = JSON.parse(body) as {
    resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
}

function pictureIn(spans: readonly Span[]): TracedPicture | undefined {
  const attempt = spans.find(({ name }) => name === 'attempt');
  if (attempt === undefined) return undefined;
  const msOf = (name: string): number => {
    const span = spans.find((one) => one.name === name);
    if (span === undefined) return 0;
    return Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6;
  };
  const numberOf = (key: string): number | undefined => {
    const value = attempt.attributes.find((one) => one.key === key)?.value;
    return value && (value.doubleValue ?? Number(value.intValue));
  };
  return {
    queueMs: msOf('queue'),
    attemptMs: msOf('attempt'),
    encodeMs: msOf('engine.encode'),
    denoiseMs: msOf('engine.denoise'),
    decodeMs: msOf('engine.decode'),
    deviceMs: 1_000 * (numberOf('imagemill.device.seconds') ?? Number.NaN),
    pixelsMs: 1_000 * (numberOf('imagemill.device.decode_seconds') ?? 0),
    batch: numberOf('imagemill.batch.mean') ?? 1,
  };
}
