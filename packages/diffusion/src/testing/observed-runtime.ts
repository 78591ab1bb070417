import { createOnnxRuntime } from '../onnxruntime/runtime.ts';
import type { Runtime, Session, Tensor, WeightMode } from '../runtime.ts';

/** ONNX Runtime on two threads of the CPU, in its usual form. */
export function cpuRuntime(weights: WeightMode = 'packed'): Runtime {
  return createOnnxRuntime({
    name: 'cpu',
    executionProvider: 'cpu',
    weights,
    threads: 2,
    forms: { attention: 'fused', linear: 'fused' },
  });
}

export interface RuntimeObserver {
  /** Before a graph is loaded; what it throws, loading throws. */
  readonly onOpen?: (graph: string) => void;
  /** Before a graph runs, with the dimensions of its inputs; what it throws, the run throws. */
  readonly onRun?: (graph: string, dims: Readonly<Record<string, readonly number[]>>) => void;
  /** Before a session is released; what it throws, the release throws. */
  readonly onRelease?: (graph: string) => void;
  /** May change the numbers that a graph returns. */
  readonly onOutput?: (graph: string, output: string, values: Float32Array) => void;
}

export interface ObservedRuntime extends Runtime {
  /** Sessions that were opened and not released. */
  readonly openSessions: ReadonlySet<string>;
  /** Outputs that are meant to stay on the device and were not disposed of. */
  readonly liveTensors: ReadonlySet<Tensor>;
}

/** A real runtime whose sessions and kept tensors are counted, and whose runs can be made to fail or to compute wrong. */
export function observeRuntime(inner: Runtime, observer: RuntimeObserver = {}): ObservedRuntime {
  const openSessions = new Set<string>();
  const liveTensors = new Set<Tensor>();
  return {
    ...inner,
    openSessions,
    liveTensors,
    tensor: (type, data, dims) => new ObservedTensor(inner.tensor(type, data, dims)),
    async open(model, options = {}) {
      observer.onOpen?.(model.name);
      const session = await inner.open(model, options);
      openSessions.add(model.name);
      return observeSession(session, {
        name: model.name,
        observer,
        keep: (output, tensor) => {
          if (options.keepOnDevice?.includes(output) === true) liveTensors.add(tensor);
        },
        drop: (tensor) => liveTensors.delete(tensor),
        released: () => openSessions.delete(model.name),
      });
    },
  };
}

interface SessionHooks {
  readonly name: string;
  readonly observer: RuntimeObserver;
  readonly keep: (output: string, tensor: Tensor) => void;
  readonly drop: (tensor: Tensor) => void;
  readonly released: () => void;
}

function observeSession(session: Session, hooks: SessionHooks): Session {
  const { name, observer } = hooks;
  return {
    async run(feeds) {
      const entries = Object.entries(feeds);
      observer.onRun?.(name, Object.fromEntries(entries.map(([input, tensor]) => [input, tensor.dims])));
      const own = entries.map(([input, tensor]) => [input, tensor instanceof ObservedTensor ? tensor.inner : tensor]);
      const outputs = await session.run(Object.fromEntries(own) as Record<string, Tensor>);
      const observed = Object.entries(outputs).map(([output, inner]) => {
        observer.onOutput?.(name, output, inner.read());
        const tensor = new ObservedTensor(inner, hooks.drop);
        hooks.keep(output, tensor);
        return [output, tensor] as const;
      });
      return Object.fromEntries(observed);
    },
    async release() {
      observer.onRelease?.(name);
      hooks.released();
      await session.release();
    },
  };
}

class ObservedTensor implements Tensor {
  readonly inner: Tensor;
  readonly #onDispose: (tensor: Tensor) => void;

  constructor(inner: Tensor, onDispose: (tensor: Tensor) => void = () => {}) {
    this.inner = inner;
    this.#onDispose = onDispose;
  }

  get dims(): readonly number[] {
    return this.inner.dims;
  }

  read(): Float32Array {
    return this.inner.read();
  }

  dispose(): void {
    this.#onDispose(this);
    this.inner.dispose();
  }
}
