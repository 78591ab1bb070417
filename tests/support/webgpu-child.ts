import { fileURLToPath } from 'node:url';
import { runParity } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';

/** Runs a few cases of the float32 parity set on WebGPU and sends the errors to the parent. */
const { runtime, notes } = await openDevice({ device: 'webgpu', weights: 'packed', threads: 2 });
const folder = fileURLToPath(new URL('../fixtures/parity/float32', import.meta.url));
const wanted = ['prompt1.embeds', 'dit1.y', 'lora kohya dit1.y.scale0.6', 'vae.image', 'pipe1.latents_out'];
const report = await runParity(folder, {
  runtime,
  only: ['prompt1', 'dit1', 'lora kohya dit1.y.scale0.6', 'vae.image', 'pipe1'],
});
const errors = Object.fromEntries(
  report.rows.filter((row) => wanted.includes(row.name)).map((row) => [row.name, row.error]),
);
process.send?.({ provider: runtime.executionProvider, attention: runtime.forms.attention, notes, errors }, () =>
  process.exit(0),
);
