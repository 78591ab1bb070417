import { LIMITS, pictureFormats } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { GenerateFlags } from '../commands/generate.ts';
import { collectLora } from '../lora-option.ts';
import { decimalNumber, notEmpty, oneOf, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';
import { addEngineOptions } from './engine-options.ts';

/** `imagemill generate` */
export function addGenerate(program: Command, context: CommandContext, done: Done): void {
  const command = program
    .command('generate')
    .description('draw pictures without a server')
    .argument('<prompt>', 'what to draw, in English or Chinese');
  addPictureOptions(command);
  addOutputOptions(command);
  addEngineOptions(command);
  command.option(
    '--precision <name>',
    'how weights are held, as the precisions of the API: mapped, packed (fp32), fp16 or w8a8; goes before --weights',
    oneOf('--precision', ['mapped', 'packed', 'fp16', 'w8a8']),
  );
  command.action((prompt: string, flags: GenerateFlags) =>
    done(import('../commands/generate.ts').then(({ generate }) => generate(prompt, flags, context))),
  );
}

function addPictureOptions(command: Command): void {
  command
    .option('--negative <text>', 'what to move away from; has an effect with --guidance above 0', '')
    .option(
      '--model <name|folder>',
      'installed model or folder of one; MODEL_PATH (default: the first installed)',
      notEmpty('--model', 'a name or folder'),
    )
    .option(
      '--width <pixels>',
      "a multiple of the model's grain (default: the model's own)",
      wholeNumber('--width', 1, LIMITS.side),
    )
    .option('--height <pixels>', 'likewise', wholeNumber('--height', 1, LIMITS.side))
    .option('--steps <n>', "denoise steps (default: the model's own)", wholeNumber('--steps', 1, LIMITS.steps))
    .option(
      '--seed <n>',
      'of the first picture; picture i uses seed + i (default: a random one, shown)',
      wholeNumber('--seed', 0, LIMITS.seed),
    )
    .option(
      '--lora <name[:strength]>',
      'LoRA by name or file, with a strength of -4 to 4; may be repeated',
      collectLora,
    )
    .option(
      '--image <file>',
      'PNG, JPEG or WebP picture to start from; its size is the default',
      notEmpty('--image', 'a file'),
    )
    .option(
      '--strength <share>',
      'with --image: how far to leave it, above 0 to 1 (default: 0.6)',
      decimalNumber('--strength', 0, 1),
    )
    .option('--mask <file>', 'with --image: picture that is white where it is repainted', notEmpty('--mask', 'a file'))
    .option('--count <n>', 'pictures', wholeNumber('--count', 1, LIMITS.count), 1)
    .option(
      '--guidance <scale>',
      "pos + s * (pos - neg), 0 is off (default: the model's own)",
      decimalNumber('--guidance', 0, LIMITS.guidanceScale),
    );
}

function addOutputOptions(command: Command): void {
  command
    .option(
      '--format <format>',
      'png, jpeg or webp (default: the ending of --out, else png)',
      oneOf('--format', pictureFormats),
    )
    .option('--quality <n>', 'of jpeg and webp', wholeNumber('--quality', 1, 100), 90)
    .option(
      '--out <folder|file>',
      'folder, or with one picture a file name',
      notEmpty('--out', 'a folder or file name'),
      'outputs',
    )
    .option('--json', 'print one JSON line a picture on stdout', false);
}
