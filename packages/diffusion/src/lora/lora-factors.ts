/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** What an adapter adds to a linear layer: scale · up · down. */
export interface LoraFactors {
  /** `[rank, in]` */
  readonly down: Matrix;
  /** `[out, rank]` */
  readonly up: Matrix;
  readonly scale: number;
}

/** A matrix as the product left · right. */
export interface Product {
  readonly left: Matrix;
  readonly right: Matrix;
}

/** The matrix as a product over its shorter side, one factor being the identity. */
export function trivialProduct(matrix: Matrix): Product {
  return matrix.rows <= matrix.columns
    ? { left: identity(matrix.rows), right: matrix }
    : { left: matrix, right: identity(matrix.columns) };
}

/**
 * The Kronecker product of two products as one product: (l1·r1) ⊗ (l2·r2) = (l1 ⊗ l2) · (r1 ⊗ r2), exactly. Its inner
 * width is the product of theirs.
 */
export function kroneckerProduct(first: Product, second: Product): Product {
  return { left: kronecker(first.left, second.left), right: kronecker(first.right, second.right) };
}

export function transposed({ rows, columns, values }: Matrix, factor = 1): Matrix {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      out[column * rows + row] = factor * values[row * columns + column]!;
  return { rows: columns, columns: rows, values: out };
}

/** Rows `from` to `to` (excluded), without a copy. */
export function rowRange({ columns, values }: Matrix, from: number, to: number): Matrix {
  return { rows: to - from, columns, values: values.subarray(from * columns, to * columns) };
}

/** Whether no value is NaN or infinite. */
export function allFinite(values: Float32Array): boolean {
  for (let at = 0; at < values.length; at += 1) if (!(Math.abs(values[at]!) < Number.POSITIVE_INFINITY)) return false;
  return true;
}

function identity(size: number): Matrix {
  const values = new Float32Array(size * size);
  for (let at = 0; at < size; at += 1) values[at * size + at] = 1;
  return { rows: size, columns: size, values };
}

function kronecker(a: Matrix, b: Matrix): Matrix {
  const columns = a.columns * b.columns;
  const values = new Float32Array(a.rows * b.rows * columns);
  for (let i = 0; i < a.rows; i += 1) {
    for (let j = 0; j < a.columns; j += 1) {
      const factor = a.values[i * a.columns + j]!;
      if (factor === 0) continue;
      for (let k = 0; k < b.rows; k += 1) {
        const start = (i * b.rows + k) * columns + j * b.columns;
        for (let l = 0; l < b.columns; l += 1) values[start + l] = factor * b.values[k * b.columns + l]!;
      }
    }
  }
  return { rows: a.rows * b.rows, columns, values };
}
