import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const CHECKPOINT = new URL('../fixtures/parity/bfloat16-sharded/checkpoint/', import.meta.url).pathname;

/** Files that a pull must leave on the hub. */
export const unwantedFiles: readonly string[] = [
  '.gitattributes',
  'README.md',
  'assets/showcase.jpg',
  'transformer/diffusion_pytorch_model.fp16.safetensors',
  'transformer/diffusion_pytorch_model.bin',
  'text_encoder/model.onnx',
];

/** The small sharded checkpoint of the parity fixtures with the other files that a real repository has. */
export async function hubRepositoryFiles(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(CHECKPOINT, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(CHECKPOINT.length), await readFile(path));
  }
  files.set('LICENSE', Buffer.from('Apache License, Version 2.0\n'));
  for (const path of unwantedFiles) files.set(path, Buffer.alloc(5_000, path));
  return files;
}
