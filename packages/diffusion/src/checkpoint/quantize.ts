/**
 * Quantises rows of a `[out, in]` weight to 8 bits, symmetrically and each row on its own, and lays them out as
 * `[in, out]`, the order in which whole-number products want them:
 *
 *     scale[out] = max|row| / 127,  number = round(weight / scale)
 *
 * so that |number · scale − weight| ≤ scale / 2.
 */
export interface QuantizedMatrix {
  /** `[in, out]`; two's complement for i8, plus 128 for u8. */
  readonly numbers: Uint8Array;
  /** `[out]` */
  readonly scales: Float32Array;
}

export interface QuantizeOptions {
  readonly type: 'i8' | 'u8';
  /** `in` */
  readonly columns: number;
  /** The first row of `values` within the matrix. */
  readonly firstRow: number;
}

/** Room for a matrix of `rows` outputs and `columns` inputs. */
export function createQuantizedMatrix(rows: number, columns: number): QuantizedMatrix {
  return { numbers: new Uint8Array(rows * columns), scales: new Float32Array(rows) };
}

/**
 * Quantises whole rows, `values` being `[some rows, columns]`, into their places in the matrix.
 * @returns false when a row holds NaN or infinity
 */
export function quantizeRowsInto(into: QuantizedMatrix, values: Float32Array, options: QuantizeOptions): boolean {
  const { columns, firstRow } = options;
  const rows = values.length / columns;
  const panel = new Uint8Array(panelRows * columns);
  for (let start = 0; start < rows; start += panelRows) {
    const count = Math.min(panelRows, rows - start);
    for (let row = 0; row < count; row += 1) {
      const from = (start + row) * columns;
      const scale = rowMagnitude(values, from, columns) / 127;
      if (!Number.isFinite(scale)) return false;
      into.scales[firstRow + start + row] = scale;
      quantizeRow(values, from, columns, scale, panel.subarray(row * columns, (row + 1) * columns));
    }
    transposePanel(panel, { count, columns, row: firstRow + start, stride: into.scales.length }, into.numbers);
  }
  // Bytes of i8 and of u8 with zero 128 differ in the highest bit alone.
  if (options.type === 'i8') flipHighestBit(into.numbers, firstRow, rows, into.scales.length);
  return true;
}

/** Rows transposed at a time: their bytes stay in the second-level cache while the columns are walked. */
const panelRows = 64;

/** max|row|; NaN when the row holds NaN or infinity. */
function rowMagnitude(values: Float32Array, from: number, length: number): number {
  let largest = 0;
  let poison = 0;
  for (let at = from; at < from + length; at += 1) {
    const value = values[at]!;
    poison += value * 0; // NaN and infinity stay, all else is 0
    const magnitude = Math.abs(value);
    if (magnitude > largest) largest = magnitude;
  }
  return largest + poison;
}

function quantizeRow(values: Float32Array, from: number, length: number, scale: number, into: Uint8Array): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let at = 0; at < length; at += 1) into[at] = values[from + at]! * inverse + 128.5;
}

interface Panel {
  readonly count: number;
  readonly columns: number;
  /** First row of the panel within the matrix, and the number of rows of the matrix. */
  readonly row: number;
  readonly stride: number;
}

function transposePanel(panel: Uint8Array, { count, columns, row, stride }: Panel, into: Uint8Array): void {
  for (let column = 0; column < columns; column += 1) {
    const to = column * stride + row;
    for (let at = 0; at < count; at += 1) into[to + at] = panel[at * columns + column]!;
  }
}

function flipHighestBit(numbers: Uint8Array, firstRow: number, rows: number, stride: number): void {
  for (let start = firstRow; start < numbers.length; start += stride) {
    for (let at = start; at < start + rows; at += 1) numbers[at] = numbers[at]! ^ 0x80;
  }
}
