import type { WorkerId } from './ids.ts';

/**
 * The right of one worker to run one job for a time. The token is the fence: it rises with every claim of the job, and
 * whatever a worker writes names the token it was given, so nothing of a worker that lost its lease gets through.
 *
 * A lease past `expiresAt` may be taken away; until somebody does, its holder may still renew it or end the attempt.
 * That keeps the work of a machine that slept, and stays safe because taking it away changes the token.
 */
export interface Lease {
  readonly token: number;
  readonly workerId: WorkerId;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Who asks for a lease, when, and for how long. */
export interface LeaseRequest {
  readonly workerId: WorkerId;
  readonly now: number;
  readonly leaseMs: number;
}

/** The lease that follows the last token ever handed out for the job. */
export function grantLease(lastToken: number, request: LeaseRequest): Lease {
  return { token: lastToken + 1, workerId: request.workerId, expiresAt: request.now + request.leaseMs };
}

export function renewLease(lease: Lease, now: number, leaseMs: number): Lease {
  return { ...lease, expiresAt: Math.max(lease.expiresAt, now + leaseMs) };
}

export function hasExpired(lease: Lease, now: number): boolean {
  return now >= lease.expiresAt;
}
