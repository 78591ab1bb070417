/** Errors in the shape of A1111: that of FastAPI for a wrong body, its own for all else. */
import { errorCodes } from '@imagemill/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';

/** An answer that A1111's clients know, e.g. 404 "Sampler not found". */
export class SdapiError extends Error {
  override readonly name = 'SdapiError';
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export function createSdapiErrorHandler(log: Logger) {
  return (error: FastifyError | AppError | SdapiError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof SdapiError) return send(reply, error.status, 'HTTPException', error.message);
    if (!(error instanceof AppError)) {
      const status = error.statusCode ?? 500;
      if (status >= 500)
        log.error({ err: error, requestId: request.id, url: request.url }, 'a request met a fault of the server');
      return send(reply, status, status >= 500 ? 'InternalError' : 'HTTPException', status >= 500 ? '' : error.message);
    }
    const { status, title } = errorCodes[error.code];
    if (error.code === 'validation_failed') {
      const detail = error.fields.map(({ field, message }) => ({
        loc: ['body', ...field.split('.')],
        msg: message,
        type: 'value_error',
      }));
      return reply.code(422).send({ detail });
    }
    if (error.code === 'unauthorized') return reply.code(401).send({ detail: 'Incorrect username or password' });
    if (status >= 500) log.warn({ err: error, requestId: request.id }, 'a request failed');
    if (status === 503) reply.header('retry-after', '5');
    return send(reply, status, title, error.code === 'internal_error' ? '' : error.message);
  };
}

function send(reply: FastifyReply, status: number, error: string, detail: string): FastifyReply {
  return reply.code(status).send({ error, detail, body: '', errors: detail });
}
