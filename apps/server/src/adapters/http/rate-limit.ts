import type { FastifyReply } from 'fastify';
import type { Authenticated } from '../../application/authenticate.ts';
import type { TakeRequest } from '../../application/request-limits.ts';
import { AppError } from '../../domain/errors.ts';

/** Counts a request and tells the client how it stands, in the headers that OpenAI's clients know. */
export function createRateLimit(take: TakeRequest): (who: Authenticated, reply: FastifyReply) => void {
  return (who, reply) => {
    const allowance = take(who);
    if (allowance === undefined) return;
    const { limit, remaining, resetMs, retryMs, isAllowed, subject } = allowance;
    reply.headers({
      'x-ratelimit-limit-requests': String(limit),
      'x-ratelimit-remaining-requests': String(remaining),
      'x-ratelimit-reset-requests': duration(resetMs),
    });
    if (isAllowed) return;
    const seconds = Math.ceil(retryMs / 1_000);
    reply.headers({ 'retry-after': String(seconds), 'retry-after-ms': String(retryMs) });
    const message = `The limit of this ${subject} is ${limit} requests a minute. The next one is allowed in ${seconds} s.`;
    throw new AppError('rate_limited', message, { details: { subject, limit, retryAfterMs: retryMs } });
  };
}

/** `1m30s`, as OpenAI writes durations. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const seconds = Math.ceil(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${seconds % 60}s`;
}
