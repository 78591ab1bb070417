import { broadcastShapes } from '../dims.ts';
import { type ElementType, isFloatType, type TensorType } from '../types.ts';
import { inputAt, invalid, type Rule, type RuleContext, sameType } from './rule.ts';

const sameAsFirst: Rule = (context) => {
  const { type, shape } = inputAt(context, 0);
  return [{ type, shape }];
};

const floatSameAsFirst: Rule = (context) => {
  if (!isFloatType(inputAt(context, 0).type)) return invalid(context, 'a float tensor is expected');
  return sameAsFirst(context);
};

const broadcast =
  (result?: ElementType): Rule =>
  (context) => {
    const inputs = context.inputs.map((_, at) => inputAt(context, at));
    const type = sameType(context, inputs);
    return [
      {
        type: result ?? type,
        shape: broadcastShapes(
          context.op,
          inputs.map((input) => input.shape),
        ),
      },
    ];
  };

const where: Rule = (context) => {
  const [condition, yes, no] = [inputAt(context, 0), inputAt(context, 1), inputAt(context, 2)];
  if (condition.type !== 'bool') return invalid(context, 'the condition must be bool');
  return [
    { type: sameType(context, [yes, no]), shape: broadcastShapes('Where', [condition.shape, yes.shape, no.shape]) },
  ];
};

/** Element types by their number in TensorProto.DataType, for the `to` of Cast. */
const castTargets: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [1, 'f32'],
  [2, 'u8'],
  [3, 'i8'],
  [6, 'i32'],
  [7, 'i64'],
  [9, 'bool'],
  [10, 'f16'],
  [11, 'f64'],
  [16, 'bf16'],
]);

function cast(context: RuleContext): readonly TensorType[] {
  const to = castTargets.get(Number(context.attributes['to']));
  if (to === undefined) return invalid(context, `cannot cast to type number ${String(context.attributes['to'])}`);
  return [{ type: to, shape: inputAt(context, 0).shape }];
}

export const elementwiseRules: Readonly<Record<string, Rule>> = {
  Identity: sameAsFirst,
  Abs: sameAsFirst,
  Neg: sameAsFirst,
  Clip: sameAsFirst,
  Round: floatSameAsFirst,
  Floor: floatSameAsFirst,
  Sigmoid: floatSameAsFirst,
  Tanh: floatSameAsFirst,
  Exp: floatSameAsFirst,
  Sqrt: floatSameAsFirst,
  Reciprocal: floatSameAsFirst,
  Softmax: floatSameAsFirst,
  QuickGelu: floatSameAsFirst,
  Swish: floatSameAsFirst,
  Add: broadcast(),
  Sub: broadcast(),
  Mul: broadcast(),
  Div: broadcast(),
  Max: broadcast(),
  Min: broadcast(),
  Pow: broadcast(),
  Equal: broadcast('bool'),
  Less: broadcast('bool'),
  Greater: broadcast('bool'),
  Where: where,
  Cast: cast,
};
