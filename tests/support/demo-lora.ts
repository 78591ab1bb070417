import { join } from 'node:path';
import { loraModules, openCheckpoint, type TensorToWrite, torchRandn, writeSafetensors } from '@imagemill/diffusion';

/** Writes an adapter of rank 2 that changes every layer of attention of a model visibly; gives its path. */
export async function writeLora(
  folder: string,
  name: string,
  options: {
    readonly model: string;
    readonly seed: number;
    readonly extra?: Readonly<Record<string, TensorToWrite>>;
    readonly metadata?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const { transformer } = await openCheckpoint(options.model);
  const tensors = new Map<string, TensorToWrite>(Object.entries(options.extra ?? {}));
  let { seed } = options;
  const matrix = (rows: number, columns: number, scale: number): TensorToWrite => {
    const data = torchRandn(seed++, rows * columns).map((value) => value * scale);
    return { type: 'f32', shape: [rows, columns], data };
  };
  for (const [layer, { in: inputs, out }] of loraModules(transformer.config)) {
    if (!/^layers\.\d+\.attention\.to_[qkv]$/.test(layer)) continue;
    tensors.set(`diffusion_model.${layer}.lora_A.weight`, matrix(2, inputs, 1 / Math.sqrt(inputs)));
    tensors.set(`diffusion_model.${layer}.lora_B.weight`, matrix(out, 2, 0.5));
  }
  const file = join(folder, `${name}.safetensors`);
  await writeSafetensors(file, tensors, ...(options.metadata === undefined ? [] : [options.metadata]));
  return file;
}
