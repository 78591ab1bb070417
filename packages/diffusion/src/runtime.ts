import type { AttentionForm, LinearForm, Model } from '@imagemill/onnx';

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array;

/** Element types that cross the border between JavaScript and a session. */
export type FeedType = 'f32' | 'i64' | 'i32' | 'bool';

/** A tensor in host or device memory, row-major. Whoever receives one disposes of it. */
export interface Tensor {
  readonly dims: readonly number[];
  /** The numbers, in host memory. Only for f32 tensors that are not kept on the device. */
  read(): Float32Array;
  dispose(): void;
}

/** A loaded graph. */
export interface Session {
  /**
   * Runs the graph once. Blocks the event loop of the process while it computes.
   * @throws DiffusionError `out_of_memory`, `device_failed`
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

/** How graphs are to be expressed so that this device computes them right and fast. */
export interface GraphForms {
  readonly attention: AttentionForm;
  readonly linear: LinearForm;
  /**
   * Type of quantised weights. `i8` is three times faster on processors with whole-number dot products (VNNI, ARM dotprod)
   * and overflows on others; `u8` is right everywhere. @default 'u8'
   */
  readonly integer?: IntegerForm;
}

export type IntegerForm = 'i8' | 'u8';

export interface OpenOptions {
  /** Outputs that the next session takes on the same device. */
  readonly keepOnDevice?: readonly string[];
}

/** Port to what executes graphs. */
export interface Runtime {
  /** `cpu`, `webgpu`, `cuda`. */
  readonly executionProvider: string;
  readonly forms: GraphForms;
  /** How weights of the files are held; see docs/numerics.md. */
  readonly weights: WeightMode;
  tensor(type: FeedType, data: TensorData, dims: readonly number[]): Tensor;
  /** @throws DiffusionError `out_of_memory`, `device_failed` */
  open(model: Model, options?: OpenOptions): Promise<Session>;
}

/**
 * - `mapped`: weights stay in the memory-mapped file and are converted at every run; loads at once.
 * - `packed`: weights are converted to f32 and laid out for the processor at load; fastest exact mode.
 * - `fp16`: weights stored in more than 2 bytes are rounded to f16 once, into a cache file; then as `mapped`.
 * - `w8a8`: linear layers of the blocks multiply 8-bit numbers, from a cache file; the rest as `mapped`.
 */
export type WeightMode = 'mapped' | 'packed' | 'fp16' | 'w8a8';
