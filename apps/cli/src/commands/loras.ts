import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Config, type EngineItem, loadConfig, type ModelFacts } from '@imagemill/server/engine';
import { type Lora, readLoras } from '@imagemill/server/loras';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { LoraFlag } from '../lora-option.ts';
import { formatBytes, formatTable } from '../terminal/format.ts';

/** Prints every adapter, with what is wrong with one that cannot be used. */
export async function listLoras({ json }: { readonly json: boolean }, { output }: CommandContext): Promise<number> {
  const loras = await readLoras(loadConfig());
  if (json) {
    for (const { content, ...lora } of loras) output.result(JSON.stringify({ ...lora, ...content }));
  } else if (loras.length === 0) {
    output.note('There is no LoRA. Put safetensors files into a folder and name it in IMAGEMILL_LORAS_DIRS.');
  } else {
    const rows = loras.map((lora) => [lora.name, rankOf(lora), formatBytes(lora.sizeBytes), noteOf(lora), lora.path]);
    output.result(formatTable(['NAME', 'RANK', 'SIZE', 'NOTE', 'FILE'], rows, ['RANK', 'SIZE']));
  }
  return exitCodes.ok;
}

function rankOf({ content }: Lora): string {
  return content.kind === 'usable' ? String(content.rank) : '';
}

function noteOf({ content }: Lora): string {
  if (content.kind === 'unusable') return `unusable: ${content.problem.message}`;
  return content.triggerWords.length === 0 ? '' : `trigger words: ${content.triggerWords.join(', ')}`;
}

/** An adapter to draw with, and what the picture's file says of it. */
export type FoundLora = EngineItem['loras'][number] & { readonly name: string; readonly sha256: string };

/** The files of the adapters that were asked for. @throws CliError `option_invalid` naming those that there are */
export async function findLoraFiles(
  flags: readonly LoraFlag[],
  config: Config,
  facts: ModelFacts,
): Promise<readonly FoundLora[]> {
  if (flags.length === 0) return [];
  const known = await readLoras(config, [{ kind: 'usable', facts }]);
  const find = async ({ reference, strength }: LoraFlag): Promise<FoundLora> => {
    if (/\.safetensors$/i.test(reference) && existsSync(reference)) {
      const name = basename(reference).replace(/\.safetensors$/i, '');
      return { name, path: resolve(reference), sha256: await hashFile(reference), strength };
    }
    const lora = known.find(({ name }) => name === reference);
    if (lora?.content.kind === 'usable') {
      return { name: lora.name, path: lora.path, sha256: lora.content.sha256, strength };
    }
    const problem = lora?.content.kind === 'unusable' ? lora.content.problem.message : undefined;
    const names = known.filter(({ content }) => content.kind === 'usable').map(({ name }) => name);
    const there = names.length === 0 ? 'there is none in the folders of LoRAs' : `there are ${names.join(', ')}`;
    throw optionError('--lora', reference, problem ?? `a safetensors file or the name of a LoRA; ${there}`);
  };
  return Promise.all(flags.map(find));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
