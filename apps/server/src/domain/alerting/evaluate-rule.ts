import type { AlertRule } from './rule.ts';

/**
 * Where a rule stands:
 *
 *   ok ──bound broken──► pending ──for forSeconds──► firing ──back for clearForSeconds──► ok
 *            ▲              │ not broken                │  ▲ broken again
 *            └──────────────┘                           └──┘ (counts from anew)
 *
 * Between the threshold and the clear threshold nothing changes, so that a signal that trembles around the threshold
 * fires once. Times are ms since 1970; a clock that was put back starts the count anew.
 */
export type RuleState =
  | { readonly phase: 'ok' }
  | { readonly phase: 'pending'; readonly since: number }
  | { readonly phase: 'firing'; readonly since: number; readonly backSince: number | undefined };

export interface Reading {
  readonly at: number;
  /** Undefined when nobody can tell. */
  readonly value: number | undefined;
}

export interface Evaluation {
  readonly state: RuleState;
  readonly change: 'fired' | 'resolved' | undefined;
}

/** Moves a rule by one reading of its signal. */
export function evaluateRule(rule: AlertRule, state: RuleState, reading: Reading): Evaluation {
  if (!rule.enabled) return { state: { phase: 'ok' }, change: state.phase === 'firing' ? 'resolved' : undefined };
  const { at, value } = reading;
  if (state.phase === 'firing') return whileFiring(rule, state, reading);
  if (value === undefined || !isBroken(rule, value)) return unchanged({ phase: 'ok' });
  const since = state.phase === 'pending' ? Math.min(state.since, at) : at;
  if (at - since < rule.forSeconds * 1_000) return unchanged({ phase: 'pending', since });
  return { state: { phase: 'firing', since: at, backSince: undefined }, change: 'fired' };
}

function whileFiring(
  rule: AlertRule,
  state: Extract<RuleState, { phase: 'firing' }>,
  { at, value }: Reading,
): Evaluation {
  if (value === undefined || !isBack(rule, value)) return unchanged({ ...state, backSince: undefined });
  const backSince = Math.min(state.backSince ?? at, at);
  if (at - backSince < rule.clearForSeconds * 1_000) return unchanged({ ...state, backSince });
  return { state: { phase: 'ok' }, change: 'resolved' };
}

function unchanged(state: RuleState): Evaluation {
  return { state, change: undefined };
}

/** On the bad side of the threshold. */
export function isBroken({ comparison, threshold }: AlertRule, value: number): boolean {
  return comparison === 'above' ? value > threshold : value < threshold;
}

/** On the good side of the clear threshold, or on it. */
function isBack({ comparison, clearThreshold }: AlertRule, value: number): boolean {
  return comparison === 'above' ? value <= clearThreshold : value >= clearThreshold;
}
