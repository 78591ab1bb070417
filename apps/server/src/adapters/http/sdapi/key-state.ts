/**
 * What A1111 keeps for its only user, kept here by key: its options, and the drawings that it waits for. In memory: a
 * restart sets options back, as it does there without a settings file.
 */
import type { FastifyRequest } from 'fastify';
import type { Generation } from '../../../domain/generation.ts';
import type { JobId } from '../../../domain/ids.ts';
import { callerOf } from '../tenant.ts';

export interface Drawing {
  readonly generation: Generation;
  readonly taskId: string | undefined;
  readonly startedAt: number;
  /** Steps that were done, by job. */
  readonly steps: Map<JobId, number>;
  preview: { readonly image: Uint8Array; readonly id: number } | undefined;
  isInterrupted: boolean;
}

export interface KeyState {
  options: { readonly sd_model_checkpoint?: string | undefined; readonly samples_format?: string | undefined };
  /** Oldest first. */
  readonly drawings: Set<Drawing>;
}

export class KeyStates {
  readonly #states = new Map<string, KeyState>();

  of(request: Pick<FastifyRequest, 'caller'>): KeyState {
    const { tenantId, keyId, memberId } = callerOf(request);
    const holder = `${tenantId} ${keyId ?? memberId ?? ''}`;
    const known = this.#states.get(holder);
    if (known !== undefined) return known;
    const state: KeyState = { options: {}, drawings: new Set() };
    this.#states.set(holder, state);
    this.#forget();
    return state;
  }

  /** The oldest that nothing is drawn for. */
  #forget(): void {
    if (this.#states.size <= MOST_KEPT) return;
    for (const [holder, { drawings }] of this.#states) {
      if (drawings.size > 0) continue;
      this.#states.delete(holder);
      return;
    }
  }
}

const MOST_KEPT = 10_000;
