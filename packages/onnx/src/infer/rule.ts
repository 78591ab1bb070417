import { OnnxError } from '../errors.ts';
import { type Attributes, type Dim, formatShape, type TensorType, type Value } from '../types.ts';

/** What a shape rule sees of a node. */
export interface RuleContext {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** Values of a small i64 constant, undefined when the value is not one. */
  readonly constantOf: (value: Value) => readonly number[] | undefined;
}

/** Types of a node's outputs; undefined where the rule cannot know them and they must be declared. */
export type Rule = (context: RuleContext) => readonly TensorType[] | undefined;

/** @throws OnnxError `operator_invalid` */
export function invalid(context: RuleContext, reason: string): never {
  const shapes = context.inputs.map((input) =>
    input === undefined ? '-' : `${input.type}${formatShape(input.shape)}`,
  );
  throw new OnnxError('operator_invalid', `${context.op}(${shapes.join(', ')}): ${reason}`);
}

export function inputAt(context: RuleContext, at: number): Value {
  return context.inputs[at] ?? invalid(context, `input ${at} is missing`);
}

export function intAttribute(context: RuleContext, key: string, fallback?: number): number {
  const value = context.attributes[key] ?? fallback;
  return typeof value === 'number' ? value : invalid(context, `attribute ${key} must be a whole number`);
}

export function intsAttribute(context: RuleContext, key: string): readonly number[] | undefined {
  const value = context.attributes[key];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item): item is number => typeof item === 'number')) return value;
  return invalid(context, `attribute ${key} must be a list of whole numbers`);
}

/** Turns −1 … into a position from 0. */
export function resolveAxis(context: RuleContext, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  return resolved >= 0 && resolved < rank ? resolved : invalid(context, `axis ${axis} is outside rank ${rank}`);
}

export function dimAt(context: RuleContext, value: Value, axis: number): Dim {
  return value.shape[resolveAxis(context, axis, value.shape.length)] ?? invalid(context, `no axis ${axis}`);
}

export function sameType(context: RuleContext, values: readonly Value[]): Value['type'] {
  const [first, ...rest] = values;
  if (first === undefined) return invalid(context, 'an input is missing');
  for (const value of rest) {
    if (value.type !== first.type) return invalid(context, 'inputs differ in element type');
  }
  return first.type;
}
