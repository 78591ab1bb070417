import { type Model, writeModel } from '@imagemill/onnx';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { DiffusionError } from '../errors.ts';
import type { FeedType, GraphForms, OpenOptions, Runtime, Session, Tensor, TensorData } from '../runtime.ts';
import { type SessionSettings, sessionOptions } from './session-options.ts';

export interface RuntimeSettings extends SessionSettings {
  readonly name: string;
  readonly forms: GraphForms;
}

/** {@link Runtime} on ONNX Runtime. */
export function createOnnxRuntime(settings: RuntimeSettings): Runtime {
  const keepsOnDevice = settings.name !== 'cpu';
  return {
    executionProvider: settings.name,
    forms: settings.forms,
    weights: settings.weights,
    tensor: (type, data, dims) => new DeviceTensor(hostTensor(type, data, dims)),
    async open(model: Model, options: OpenOptions = {}): Promise<Session> {
      const bytes = writeModel(model);
      const own = keepsOnDevice ? options : {};
      try {
        return new OnnxSession(await InferenceSession.create(bytes, sessionOptions(settings, own)), model.name);
      } catch (error) {
        throw runtimeError(error, `ONNX Runtime could not load the graph ${model.name} on ${settings.name}`);
      }
    },
  };
}

class OnnxSession implements Session {
  readonly #session: InferenceSession;
  readonly #name: string;

  constructor(session: InferenceSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const own: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) own[name] = unwrap(tensor);
    try {
      const outputs = await this.#session.run(own);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, new DeviceTensor(tensor as OrtTensor)]),
      );
    } catch (error) {
      throw runtimeError(error, `The graph ${this.#name} failed`);
    }
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

class DeviceTensor implements Tensor {
  readonly ort: OrtTensor;

  constructor(tensor: OrtTensor) {
    this.ort = tensor;
  }

  get dims(): readonly number[] {
    return this.ort.dims;
  }

  read(): Float32Array {
    // A download of a device tensor aborts the process in onnxruntime-node 1.30, so it is refused here.
    if (this.ort.location !== 'cpu') throw new TypeError('A tensor that is kept on the device cannot be read');
    const { data } = this.ort;
    if (!(data instanceof Float32Array)) throw new TypeError(`An f32 tensor is expected, not ${this.ort.type}`);
    return data;
  }

  dispose(): void {
    this.ort.dispose();
  }
}

function unwrap(tensor: Tensor): OrtTensor {
  if (!(tensor instanceof DeviceTensor)) throw new TypeError('The tensor was made by another runtime');
  return tensor.ort;
}

function hostTensor(type: FeedType, data: TensorData, dims: readonly number[]): OrtTensor {
  const names = { f32: 'float32', i64: 'int64', i32: 'int32', bool: 'bool' } as const;
  return new OrtTensor(names[type], data, dims);
}

const outOfMemory =
  /out of memory|failed to allocate|bad_alloc|bad allocation|BFCArena|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED/i;

/** Errors of the runtime become ours at this border. */
function runtimeError(error: unknown, what: string): DiffusionError {
  const reason = error instanceof Error ? error.message : String(error);
  if (outOfMemory.test(reason)) {
    return new DiffusionError(
      'out_of_memory',
      `${what}: the device has too little memory. Use a smaller size or batch, or the "mapped" weight mode.`,
      {
        details: { reason },
        cause: error,
      },
    );
  }
  return new DiffusionError('device_failed', `${what}: ${reason}`, { details: { reason }, cause: error });
}
