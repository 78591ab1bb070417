import { DiffusionError } from '../errors.ts';
import { writeSafetensorsFile } from './safetensors-writer.ts';
import { bytesPerElement, elementCount, encodeFloats } from './stored-type.ts';

/** A tensor to write: floats as float32 rounded to `type`, integers as numbers. Row-major in `shape`. */
export type TensorToWrite =
  | { readonly type: 'f32' | 'f16' | 'bf16'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly type: 'i64'; readonly shape: readonly number[]; readonly data: ArrayLike<number> }
  | { readonly type: 'u8'; readonly shape: readonly number[]; readonly data: Uint8Array };

/**
 * Writes a safetensors file from tensors in memory. The same tensors give the same bytes. The file appears under its
 * name only when it is whole.
 *
 * @throws DiffusionError `tensor_shape_mismatch` when data and shape differ in their number of elements, `disk_full`,
 * `cache_unwritable`
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const [name, tensor] of tensors) checkLength(name, tensor);
  const plans = [...tensors].map(([name, { type, shape }]) => ({ name, type, shape }));
  await writeSafetensorsFile(file, plans, metadata, async (writer) => {
    for (const [name, tensor] of tensors) await writer.write(name, encodeData(tensor));
  });
}

function checkLength(name: string, tensor: TensorToWrite): void {
  const expected = elementCount(tensor.shape);
  if (tensor.data.length === expected) return;
  const message = `"${name}" has ${tensor.data.length} values, but its shape [${tensor.shape.join(', ')}] needs ${expected}.`;
  throw new DiffusionError('tensor_shape_mismatch', message, { details: { tensor: name, shape: tensor.shape } });
}

function encodeData(tensor: TensorToWrite): Uint8Array {
  if (tensor.type === 'u8') return tensor.data;
  if (tensor.type !== 'i64') return encodeFloats(tensor.data, tensor.type);
  const out = new BigInt64Array(tensor.data.length);
  for (let i = 0; i < out.length; i++) out[i] = BigInt(tensor.data[i] ?? 0);
  return new Uint8Array(out.buffer, 0, out.length * bytesPerElement.i64);
}
