/** Errors in the shape of OpenAI's API: all four keys, and headers that tell its clients whether to try again. */
import { errorCodes } from '@imagemill/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { JobFault } from '../../../domain/job.ts';
import { json } from '../openapi.ts';
import { knownProblem } from '../problem.ts';

interface OpenAiError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

export const errorAnswerSchema: z.ZodType<{ readonly error: OpenAiError }> = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'OpenAiError' });

/** Error answers of every route of this door. */
export const openAiProblems: Record<string, ReturnType<typeof json>> = Object.fromEntries(
  [400, 401, 403, 404, 408, 409, 413, 415, 421, 429, 431, 500, 503, 507].map((status) => [
    String(status),
    json('Error in the shape of OpenAI', errorAnswerSchema),
  ]),
);

/** What a job that ended without a picture is to a client that waits for it. */
export class DrawingFailed extends Error {
  readonly fault: JobFault;

  constructor(fault: JobFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** A path that cannot be decoded. */
export class MalformedRequest extends Error {
  readonly code = 'FST_ERR_BAD_URL';
}

/** Turns whatever a route of this door threw into an answer. */
export function createOpenAiErrorHandler(log: Logger) {
  return (error: Thrown, request: FastifyRequest, reply: FastifyReply) => {
    const answer = answerOf(error);
    if (answer.status >= 500) log.warn({ err: error, requestId: request.id }, 'a request failed');
    if (answer.status === 503) reply.header('retry-after', '5');
    if (!answer.mayRetry) reply.header('x-should-retry', 'false');
    return reply
      .code(answer.status)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ error: answer.error }));
  };
}

/** Whether a path belongs to this door, also where it never became a request to a route. */
export function isOpenAiPath(path: string): boolean {
  return openAiPaths.test(path);
}

/** Also what OpenAI has and this server has not: its clients read an answer in no other shape. */
const openAiPaths =
  /^\/v1\/(images|files|batches|chat|completions|responses|conversations|embeddings|audio|moderations|fine_tuning|uploads|assistants|threads|vector_stores|realtime|videos|organization)(\/|$)|^\/v1\/models\/[^/]*$/;

/** Answers a request that no route takes. */
export function sendOpenAiError(
  reply: FastifyReply,
  { status, message, code }: { readonly status: number; readonly message: string; readonly code: string },
): FastifyReply {
  const error: OpenAiError = { message, type: typeOf(status), param: null, code };
  return reply
    .code(status)
    .header('x-should-retry', 'false')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error }));
}

type Thrown = FastifyError | AppError | DrawingFailed | MalformedRequest;

interface Answer {
  readonly status: number;
  readonly mayRetry: boolean;
  readonly error: OpenAiError;
}

/** The answer to an error; what is not known is a fault of the server, of which nothing is told. */
export function answerOf(error: Thrown): Answer {
  if (error instanceof DrawingFailed) {
    const { code, message } = error.fault;
    // The job was tried as often as it may be.
    return { status: 500, mayRetry: false, error: { message, type: 'server_error', param: null, code } };
  }
  if (error instanceof AppError && error.code !== 'internal_error') return answerOfAppError(error);
  const known = error instanceof AppError ? undefined : knownProblem(error);
  const entry = errorCodes[known?.code ?? 'internal_error'];
  const message = known?.detail ?? entry.cause;
  const { status } = entry;
  const code = known?.code ?? 'internal_error';
  return { status, mayRetry: entry.retryable, error: { message, type: typeOf(status), param: null, code } };
}

function answerOfAppError({ code, message, fields }: AppError): Answer {
  const [field] = fields;
  if (field?.code === 'unknown_model') {
    const error = { message, type: 'invalid_request_error', param: 'model', code: 'model_not_found' };
    return { status: 404, mayRetry: false, error };
  }
  const { status: own, retryable } = errorCodes[code];
  const status = own === 422 ? 400 : own;
  const param = field === undefined ? null : paramOf(field.field);
  const told = { message, type: typeOf(status), param, code: codes[code] ?? field?.code ?? code };
  return { status, mayRetry: retryable && code !== 'quota_exceeded', error: told };
}

/** Names of OpenAI for errors that its clients look for. */
const codes: Readonly<Partial<Record<AppError['code'], string>>> = {
  unauthorized: 'invalid_api_key',
  rate_limited: 'rate_limit_exceeded',
  quota_exceeded: 'insufficient_quota',
};

/** Fields of the native request by the names that they have here. */
const params: Readonly<Record<string, string>> = {
  count: 'n',
  negativePrompt: 'negative_prompt',
  steps: 'num_inference_steps',
  guidanceScale: 'guidance_scale',
  width: 'size',
  height: 'size',
  quality: 'output_compression',
  format: 'output_format',
};

function paramOf(field: string): string {
  if (field.startsWith('loras.')) return field.replace('loras.', 'lora.');
  return params[field] ?? field;
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error';
  if (status === 401) return 'authentication_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
