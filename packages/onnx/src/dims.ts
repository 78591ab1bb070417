import { OnnxError } from './errors.ts';
import { type Dim, formatShape, type Shape } from './types.ts';

/**
 * Arithmetic on dimensions that may be symbolic.
 *
 * A symbolic dimension is a product `number*symbol*symbol…` with the symbols sorted, so that equal products have equal
 * text. Sums and quotients that do not simplify become opaque symbols in parentheses.
 */
interface Product {
  readonly factor: number;
  readonly symbols: readonly string[];
}

/** Product of dimensions: `mul('h', 2)` is `2*h`. */
export function multiplyDims(...dims: readonly Dim[]): Dim {
  return format(product(dims));
}

/** Quotient of two products if it is exact, else undefined: `divide('4*h', 2)` is `2*h`. */
export function divideDims(dividend: readonly Dim[], divisor: readonly Dim[]): Dim | undefined {
  const over = product(dividend);
  const under = product(divisor);
  const symbols = [...over.symbols];
  for (const symbol of under.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  if (under.factor === 0 || over.factor % under.factor !== 0) return undefined;
  return format({ factor: over.factor / under.factor, symbols });
}

/** Sum of dimensions: numbers add up, equal symbols too, the rest becomes an opaque sum. */
export function addDims(...dims: readonly Dim[]): Dim {
  let constant = 0;
  const terms = new Map<string, number>();
  for (const dim of dims) {
    if (typeof dim === 'number') {
      constant += dim;
      continue;
    }
    const { factor, symbols } = parse(dim);
    const key = symbols.join('*');
    terms.set(key, (terms.get(key) ?? 0) + factor);
  }
  const parts = [...terms].filter(([, factor]) => factor !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const [only] = parts;
  if (only === undefined) return constant;
  if (parts.length === 1 && constant === 0) return format({ factor: only[1], symbols: only[0].split('*') });
  const text = parts.map(([symbol, factor]) => (factor === 1 ? symbol : `${factor}*${symbol}`));
  if (constant !== 0) text.push(String(constant));
  return `(${text.join('+')})`;
}

/** An opaque dimension that is some function of others, such as the output side of a strided convolution. */
export function opaqueDim(text: string): Dim {
  return `(${text})`;
}

/**
 * Shape of an element-wise operation by the rules of NumPy broadcasting.
 * @throws OnnxError `operator_invalid` when two dimensions differ and neither is 1.
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    let dim: Dim = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === dim) continue;
      if (dim !== 1) {
        throw new OnnxError(
          'operator_invalid',
          `${op}: shapes ${shapes.map(formatShape).join(' and ')} do not broadcast`,
          {
            axis,
          },
        );
      }
      dim = own;
    }
    result.push(dim);
  }
  return result;
}

function product(dims: readonly Dim[]): Product {
  let factor = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    const part = parse(dim);
    factor *= part.factor;
    symbols.push(...part.symbols);
  }
  return { factor, symbols: symbols.sort() };
}

function parse(dim: Dim): Product {
  if (typeof dim === 'number') return { factor: dim, symbols: [] };
  let factor = 1;
  const symbols: string[] = [];
  for (const part of splitProduct(dim)) {
    if (/^\d+$/.test(part)) factor *= Number(part);
    else symbols.push(part);
  }
  return { factor, symbols };
}

/** Splits at the `*` outside parentheses. */
function splitProduct(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === '*' && depth === 0) {
      parts.push(part);
      part = '';
    } else {
      part += char;
    }
  }
  parts.push(part);
  return parts;
}

function format({ factor, symbols }: Product): Dim {
  if (factor === 0 || symbols.length === 0) return factor;
  return factor === 1 ? symbols.join('*') : `${factor}*${symbols.join('*')}`;
}
