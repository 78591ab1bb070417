import { type ModelFacts, type Precision, variantName } from '../domain/model.ts';
import type { Notice } from '../domain/notice.ts';
import type { ModelCatalog } from './ports.ts';

export type FoundModel =
  | {
      readonly kind: 'usable';
      readonly facts: ModelFacts;
      /** Undefined where the device holds weights in one way only. */
      readonly precision: Precision | undefined;
    }
  | { readonly kind: 'unusable'; readonly problem: Notice }
  /** The model is there, but not in this precision. */
  | { readonly kind: 'not_offered'; readonly facts: ModelFacts; readonly precision: string }
  | { readonly kind: 'unknown' };

/** What a name stands for: a model as the server is set, or `name:precision`. */
export function findModel(models: ModelCatalog, name: string): FoundModel {
  const entries = models.list();
  const usable = entries.find((entry) => entry.kind === 'usable' && entry.facts.name === name);
  if (usable?.kind === 'usable') {
    return { kind: 'usable', facts: usable.facts, precision: usable.facts.precisions[0]?.precision };
  }
  const broken = entries.find((entry) => entry.kind === 'unusable' && entry.name === name);
  if (broken?.kind === 'unusable') return { kind: 'unusable', problem: broken.problem };
  const colon = name.lastIndexOf(':');
  const base = colon < 0 ? undefined : findModel(models, name.slice(0, colon));
  if (base === undefined || base.kind === 'unknown' || base.kind === 'not_offered') return { kind: 'unknown' };
  if (base.kind === 'unusable') return base;
  const precision = name.slice(colon + 1);
  const offered = base.facts.precisions.find((candidate) => candidate.precision === precision);
  if (offered === undefined) return { kind: 'not_offered', facts: base.facts, precision };
  return { kind: 'usable', facts: base.facts, precision: offered.precision };
}

/** Why a name cannot draw, and what would. */
export function modelFault(
  name: string,
  found: Exclude<FoundModel, { readonly kind: 'usable' }>,
  usable: readonly ModelFacts[],
): { readonly message: string; readonly expected: string } {
  const quoted = JSON.stringify(name);
  if (found.kind === 'not_offered') {
    const { facts, precision } = found;
    const offered = facts.precisions.map((one) => one.precision).join(', ');
    const why = offered === '' ? 'which holds it in one way only' : `which offers ${offered}`;
    const message = `The precision ${JSON.stringify(precision)} of the model ${facts.name} is not offered by this device, ${why}.`;
    return { message, expected: `one of: ${namesOf(facts).join(', ')}` };
  }
  const expected = `one of: ${usable.map((facts) => facts.name).join(', ') || '(no model is usable)'}`;
  if (found.kind === 'unusable') {
    return { message: `The model ${quoted} cannot be used: ${found.problem.message}`, expected };
  }
  return { message: `There is no model ${quoted}.`, expected };
}

/** Names that a model can be asked for by: its own, and one for each precision that the device offers. */
export function namesOf({ name, precisions }: ModelFacts): string[] {
  return [name, ...precisions.map(({ precision }) => variantName(name, precision))];
}

/** Names of all models that can be drawn. */
export function servedNames(models: ModelCatalog): ReadonlySet<string> {
  return new Set(models.list().flatMap((entry) => (entry.kind === 'usable' ? namesOf(entry.facts) : [])));
}
