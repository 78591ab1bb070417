/** The drawings that A1111 knows of its only user, kept here by key, in memory. */
import type { FastifyRequest } from 'fastify';
import type { OptionsOwner } from '../../../application/client-options.ts';
import type { Generation } from '../../../domain/generation.ts';
import type { JobId } from '../../../domain/ids.ts';
import { callerOf } from '../tenant.ts';

/** A request under way: one generation, or one for each picture that it draws from. */
export interface Drawing {
  readonly generations: readonly [Generation, ...Generation[]];
  readonly taskId: string | undefined;
  readonly startedAt: number;
  /** Steps that were done, by job. */
  readonly steps: Map<JobId, number>;
  preview: { readonly image: Uint8Array; readonly id: number } | undefined;
  isInterrupted: boolean;
}

export interface KeyState {
  /** Oldest first. */
  readonly drawings: Set<Drawing>;
}

export class KeyStates {
  readonly #states = new Map<string, KeyState>();

  of(request: Pick<FastifyRequest, 'caller'>): KeyState {
    const owner = ownerOf(request);
    const holder = `${owner.tenantId} ${owner.holder}`;
    const known = this.#states.get(holder);
    if (known !== undefined) return known;
    const state: KeyState = { drawings: new Set() };
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

/** Who sets options and sees drawings: a key, a member, or the machine itself. */
export function ownerOf(request: Pick<FastifyRequest, 'caller'>): OptionsOwner {
  const { tenantId, keyId, memberId } = callerOf(request);
  return { tenantId, holder: keyId ?? memberId ?? '' };
}

const MOST_KEPT = 10_000;
