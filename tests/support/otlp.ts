/** Traces as a collector reads them: by OpenTelemetry's own definitions of OTLP, compiled from its proto files. */
// Later versions of the package do not carry the compiled definitions.
import root from '@opentelemetry/otlp-transformer/build/src/generated/root.js';

interface KeyValue {
  readonly key: string;
  readonly value?: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: string;
    readonly doubleValue?: number;
  };
}

/** As `toObject` gives it: ids in base64, times as text. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly status?: { readonly code?: number };
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly { readonly scope?: { readonly name?: string }; readonly spans?: readonly Span[] }[];
  }[];
}

interface Message {
  fromObject(value: object): object;
  verify(message: object): string | null;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: object): Exported;
}

interface Definitions {
  readonly collector: { readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: Message } } };
  readonly trace: {
    readonly v1: {
      readonly Span: { readonly SpanKind: Readonly<Record<number, string>> };
      readonly Status: { readonly StatusCode: Readonly<Record<number, string>> };
    };
  };
}

const { opentelemetry } = root as unknown as { readonly opentelemetry: { readonly proto: Definitions } };
const { ExportTraceServiceRequest: Request } = opentelemetry.proto.collector.trace.v1;
const { SpanKind } = opentelemetry.proto.trace.v1.Span;
const { StatusCode } = opentelemetry.proto.trace.v1.Status;

export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

/**
 * The spans of an export in JSON, after a turn through the binary format. @throws when the export does not fit the
 * definitions, or holds a field that they do not know
 */
export function readExport(body: string): readonly ReadSpan[] {
  // OTLP in JSON has ids in hexadecimal, where the mapping of proto files has base64.
  const sent = JSON.parse(body, (key, value) => (isId(key) ? Buffer.from(value, 'hex').toString('base64') : value));
  const message = Request.fromObject(sent);
  const problem = Request.verify(message);
  if (problem !== null) throw new Error(problem);
  const arrived = Request.decode(Request.encode(message).finish());
  const kept = Request.toObject(arrived, { longs: String, bytes: String });
  const lost = pathsOf(sent).filter((path) => !pathsOf(kept).includes(path));
  if (lost.length > 0) throw new Error(`OTLP does not know ${lost.join(', ')}.`);
  return kept.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    (scopeSpans ?? []).flatMap(({ scope, spans }) =>
      (spans ?? []).map((span) => ({
        ...spanOf(span),
        resource: attributesOf(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  );
}

function spanOf(span: Span): Omit<ReadSpan, 'resource' | 'scope'> {
  return {
    traceId: hexOf(span.traceId),
    spanId: hexOf(span.spanId),
    parentSpanId: hexOf(span.parentSpanId),
    name: span.name,
    kind: SpanKind[span.kind] ?? '',
    status: StatusCode[span.status?.code ?? 0] ?? '',
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
  };
}

function attributesOf(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const { stringValue, boolValue, intValue, doubleValue } = value ?? {};
      return [key, stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue))];
    }),
  );
}

function hexOf(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function isId(key: string): boolean {
  return ['traceId', 'spanId', 'parentSpanId'].includes(key);
}

/** Every place in a value, list places left out. */
function pathsOf(value: unknown, at = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, at));
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, item]) => pathsOf(item, `${at}.${key}`));
}
