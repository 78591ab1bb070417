/** The only place that writes error answers: RFC 9457, `application/problem+json`. */
import type { Socket } from 'node:net';
import { type ErrorCode, errorCodes, type FieldError, type Problem } from '@imagemill/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../application/ports.ts';
import { AppError } from '../../domain/errors.ts';

export interface ProblemFacts {
  readonly code: ErrorCode;
  /** @default the help of the code */
  readonly detail?: string | undefined;
  readonly fields?: AppError['fields'];
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const mediaType = 'application/problem+json; charset=utf-8';

export function problemOf(facts: ProblemFacts, request: { readonly path: string; readonly id: string }): Problem {
  const { title, status, retryable, help, cause } = errorCodes[facts.code];
  const hasDetails = facts.details !== undefined && Object.keys(facts.details).length > 0;
  return {
    type: `urn:imagemill:error:${facts.code}`,
    title,
    status,
    detail: facts.detail ?? cause,
    instance: request.path,
    code: facts.code,
    help,
    retryable,
    requestId: request.id,
    ...(facts.fields !== undefined && facts.fields.length > 0
      ? { errors: [...facts.fields] satisfies FieldError[] }
      : {}),
    ...(hasDetails ? { details: facts.details } : {}),
  };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, facts: ProblemFacts): FastifyReply {
  const problem = problemOf(facts, { path: pathOf(request.url), id: request.id });
  if (problem.status === 503) reply.header('retry-after', '5');
  return reply.code(problem.status).type(mediaType).header('cache-control', 'no-store').send(JSON.stringify(problem));
}

/** Turns whatever a route threw into an answer. Nothing of an unexpected error leaves the server but its request id. */
export function createErrorHandler(log: Logger) {
  return (error: FastifyError | AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof AppError && error.code !== 'internal_error') {
      const { code, message, fields, details } = error;
      const wait = secondsToReset(error, Date.now());
      if (wait !== undefined) reply.header('retry-after', String(wait));
      if (errorCodes[code].status >= 500) log.warn({ err: error, requestId: request.id }, 'a request failed');
      return sendProblem(request, reply, { code, detail: message, fields, details: publicDetails(details) });
    }
    const known = knownProblem(error);
    if (known !== undefined) return sendProblem(request, reply, known);
    log.error({ err: error, requestId: request.id, url: request.url }, 'a request met a fault of the server');
    return sendProblem(request, reply, { code: 'internal_error' });
  };
}

/** Seconds until a quota starts anew; undefined for other errors, and for the one that ends picture by picture. */
export function secondsToReset({ code, details }: AppError, now: number): number | undefined {
  const at = code === 'quota_exceeded' ? details['resetsAt'] : undefined;
  return typeof at === 'string' ? Math.max(1, Math.ceil((Date.parse(at) - now) / 1_000)) : undefined;
}

/** Errors of Fastify itself; https://fastify.dev/docs/latest/Reference/Errors/ has the codes. */
export function knownProblem(
  error: Pick<FastifyError, 'message' | 'code'> & { readonly statusCode?: number | undefined },
): ProblemFacts | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return { code: 'body_too_large' };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return { code: 'unsupported_media_type' };
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return { code: 'malformed_json' };
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
    case 'FST_PROTO_VIOLATION':
    case 'FST_MP_PREMATURE_CLOSE':
      return { code: 'malformed_request' };
    case 'FST_PARTS_LIMIT':
    case 'FST_FILES_LIMIT':
    case 'FST_FIELDS_LIMIT':
      return { code: 'body_too_large', detail: 'The form has more files or fields than are read.' };
    default:
      // The parser of forms has words only.
      if (/multipart data$|^Multipart: |^The needle cannot/.test(error.message)) return { code: 'malformed_request' };
      // What the JSON parser throws has no code of Fastify's, only a status.
      return 'statusCode' in error && error.statusCode === 400 ? { code: 'malformed_json' } : undefined;
  }
}

/** Facts for the caller; those about the machine stay in the log. */
function publicDetails(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { sqliteCode: _code, sqlState: _state, reason: _reason, systemCode: _system, ...rest } = details;
  return rest;
}

/** Answers what never became a request: broken HTTP, headers that are too large, a body that came too slowly. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, nextId: () => string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const id = nextId();
  const problem = problemOf({ code: brokenRequestCode(error.code) }, { path: '', id });
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${mediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'x-content-type-options: nosniff',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function brokenRequestCode(code: string | undefined): ErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'malformed_request';
}

export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
