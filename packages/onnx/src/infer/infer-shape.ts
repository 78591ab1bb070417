import { OnnxError } from '../errors.ts';
import { formatShape, type TensorType } from '../types.ts';
import { computeRules } from './compute.ts';
import { elementwiseRules } from './elementwise.ts';
import type { Rule, RuleContext } from './rule.ts';
import { shapeRules } from './shape.ts';

/** Rules by operator name; the names of the domains used here do not collide. */
const rules: Readonly<Record<string, Rule>> = { ...elementwiseRules, ...shapeRules, ...computeRules };

export interface InferRequest extends RuleContext {
  readonly domain: string;
  /** Types that the caller states; they win where the rule knows nothing and must agree where it knows. */
  readonly declared?: readonly TensorType[] | undefined;
}

/**
 * Types of a node's outputs.
 * @throws OnnxError `operator_unknown` when neither a rule nor the caller knows them, `operator_invalid` when the inputs
 * do not fit or the declared types contradict the rule.
 */
export function inferNode(request: InferRequest): readonly TensorType[] {
  const inferred = rules[request.op]?.(request);
  const { declared } = request;
  if (declared === undefined) {
    if (inferred !== undefined) return inferred;
    throw new OnnxError('operator_unknown', `${request.op}: the output types cannot be inferred; declare them`, {
      op: request.op,
      domain: request.domain,
    });
  }
  inferred?.forEach((type, at) => {
    const own = declared[at];
    if (own !== undefined && contradicts(own, type)) {
      throw new OnnxError(
        'operator_invalid',
        `${request.op}: output ${at} is declared ${own.type}${formatShape(own.shape)}, but is ${type.type}${formatShape(type.shape)}`,
      );
    }
  });
  return declared;
}

/** Two fixed sizes may not differ; a symbol may be given another name. */
function contradicts(declared: TensorType, inferred: TensorType): boolean {
  if (declared.type !== inferred.type || declared.shape.length !== inferred.shape.length) return true;
  return declared.shape.some(
    (dim, at) => typeof dim === 'number' && typeof inferred.shape[at] === 'number' && dim !== inferred.shape[at],
  );
}
