import type { TensorToWrite } from '../checkpoint/write-safetensors.ts';

/** One line of the table: what was compared, how far it is off, and what is allowed. */
export interface ParityRow {
  readonly name: string;
  /** `relative`: ‖out − ref‖ / ‖ref‖. `pixel`: largest difference of 255. `ids`: token ids that differ. */
  readonly measure: 'relative' | 'pixel' | 'ids';
  readonly error: number;
  readonly tolerance: number;
  readonly ok: boolean;
}

export interface ParityReport {
  readonly rows: readonly ParityRow[];
  /** What was computed, under the names of the fixture's `expected.safetensors`. */
  readonly tensors: ReadonlyMap<string, TensorToWrite>;
  /** What could not be run and why. */
  readonly notes: readonly string[];
}

/** Relative errors allowed: one forward, a whole run. */
export const tolerances = { forward: 1e-4, run: 1e-3, pixel: 1 } as const;

/** Collects what a fixture's cases compute and how far it is from what the reference computed. */
export class ParityRecorder {
  readonly rows: ParityRow[] = [];
  readonly notes: string[] = [];
  readonly tensors: Map<string, TensorToWrite> = new Map();
  readonly #expected: (name: string) => Promise<Float32Array | undefined>;

  constructor(expected: (name: string) => Promise<Float32Array | undefined>) {
    this.#expected = expected;
  }

  /** Keeps a tensor and compares it when the fixture holds one of the name. */
  async compare(name: string, data: Float32Array, shape: readonly number[], tolerance: number): Promise<void> {
    this.tensors.set(name, { type: 'f32', shape, data });
    const expected = await this.#expected(name);
    if (expected !== undefined) this.relative(name, data, expected, tolerance);
  }

  relative(name: string, data: Float32Array, expected: Float32Array, tolerance: number): void {
    this.#add({ name, measure: 'relative', error: relativeError(data, expected), tolerance });
  }

  /** @param data,expected pixels from 0 to 255 */
  pixels(name: string, data: ArrayLike<number>, expected: ArrayLike<number>): void {
    let error = data.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
    for (let at = 0; at < data.length && Number.isFinite(error); at += 1)
      error = Math.max(error, Math.abs(data[at]! - expected[at]!));
    this.#add({ name, measure: 'pixel', error, tolerance: tolerances.pixel });
  }

  ids(name: string, ids: readonly number[], expected: readonly number[]): void {
    const length = Math.max(ids.length, expected.length);
    const error = Array.from({ length }).filter((_, at) => ids[at] !== expected[at]).length;
    this.#add({ name, measure: 'ids', error, tolerance: 0 });
  }

  report(): ParityReport {
    return { rows: this.rows, tensors: this.tensors, notes: this.notes };
  }

  #add(row: Omit<ParityRow, 'ok'>): void {
    this.rows.push({ ...row, ok: row.error <= row.tolerance });
  }
}

/** ‖a − b‖ / ‖b‖; infinite when the lengths differ or a value is not a number. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let length = 0;
  for (let at = 0; at < b.length; at += 1) {
    difference += (a[at]! - b[at]!) ** 2;
    length += b[at]! ** 2;
  }
  const error = length === 0 ? Math.sqrt(difference) : Math.sqrt(difference / length);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
