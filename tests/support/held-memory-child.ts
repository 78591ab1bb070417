/**
 * Opens a checkpoint in a process of its own and prints, as one JSON line, by how many MB each phase raised the highest
 * resident size (VmHWM): `node held-memory-child.ts <checkpoint> <cache folder> <mode>`.
 */
import { readFileSync } from 'node:fs';
import { torchRandn, type WeightMode, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';

function highestMegabytes(): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e3;
}

const [, , folder = '', cacheDir = '', mode = ''] = process.argv;
const { runtime } = await openDevice({ device: 'cpu', weights: mode as WeightMode, threads: 1 });
const start = highestMegabytes();
const pipeline = await ZImagePipeline.open(folder, runtime, { cacheDir });
const opened = highestMegabytes() - start;
await pipeline.transformer.warmUp();
const loaded = highestMegabytes() - start;
const caption = await pipeline.transformer.encodeCaption(torchRandn(1, 16 * 16), 16);
const latent = torchRandn(2, 16 * 8 * 8);
await pipeline.predict([{ latent, time: 0.5, caption }], { rows: 4, columns: 4 });
process.stdout.write(`${JSON.stringify({ opened, loaded, drawn: highestMegabytes() - start })}\n`);
