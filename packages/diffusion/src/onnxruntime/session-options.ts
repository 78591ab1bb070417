import { parse } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { OpenOptions, WeightMode } from '../runtime.ts';

export interface SessionSettings {
  readonly executionProvider: InferenceSession.ExecutionProviderConfig;
  readonly weights: WeightMode;
  /** 0 leaves the number of threads to ONNX Runtime. */
  readonly threads: number;
}

/** The first folds every Cast of a weight, the second (found by trial: ONNX Runtime 1.30) those of f16 weights again. */
const convertingOptimizers = ['ConstantFolding', 'FuseFp16InitializerToFp32NodeTransformer'];

/**
 * Options of one session.
 *
 * External data is looked up from the root of the file system, so that weights are used where they lie. Two
 * optimizers convert weights to f32 at load, so only `packed` has them. Prepacking copies every weight into the layout of the
 * kernels: `packed` has it, and `w8a8`, whose whole-number products it makes 1.3 times faster for 1 byte a weight.
 * Spinning burns processor time between runs; the activation arena keeps its peak, and doing without costs −1 to +6 %.
 */
export function sessionOptions(settings: SessionSettings, open: OpenOptions): InferenceSession.SessionOptions {
  const folds = settings.weights === 'packed';
  const packs = folds || settings.weights === 'w8a8';
  const extra: Record<string, string> = {
    'session.model_external_initializers_file_folder_path': parse(process.cwd()).root,
    'session.intra_op.allow_spinning': '0',
    ...(!folds && { 'optimization.disable_specified_optimizers': convertingOptimizers.join(';') }),
    ...(!packs && { 'session.disable_prepacking': '1' }),
  };
  return {
    executionProviders: [settings.executionProvider],
    graphOptimizationLevel: 'all',
    enableCpuMemArena: false,
    logSeverityLevel: 4, // errors are thrown, with the same words
    extra,
    ...(settings.threads > 0 && { intraOpNumThreads: settings.threads }),
    ...(open.keepOnDevice !== undefined && {
      preferredOutputLocation: Object.fromEntries(open.keepOnDevice.map((name) => [name, 'gpu-buffer' as const])),
    }),
  };
}
