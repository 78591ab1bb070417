import type { Command } from 'commander';
import { deviceName, oneOf, wholeNumber } from '../option-values.ts';

/** Options of the commands that start an engine; without them the settings hold. */
export function addEngineOptions(command: Command, { remote = false } = {}): void {
  const elsewhere = remote ? ', or openai:http://host:port and comfyui:http://host:port for an engine elsewhere' : '';
  command
    .option(
      '--device <device>',
      `cpu, webgpu or cuda:0${elsewhere}; IMAGEMILL_DEVICE (default: cpu)`,
      deviceName('--device', { remote }),
    )
    .option(
      '--weights <mode>',
      'on the CPU: auto, mapped (loads at once, little memory), packed (draws faster), fp16 or w8a8 (converted once, smaller); IMAGEMILL_WEIGHTS (default: auto)',
      oneOf('--weights', ['auto', 'mapped', 'packed', 'fp16', 'w8a8']),
    )
    .option(
      '--threads <n>',
      "of the CPU; 0 is the runtime's choice; IMAGEMILL_THREADS (default: 0)",
      wholeNumber('--threads', 0, 1024),
    );
}
