/**
 * The text of AUTOMATIC1111's web UI that most tools read and write:
 *
 *     prompt <lora:name:0.8>
 *     Negative prompt: …
 *     Steps: 8, Sampler: Euler, Seed: 7, Size: 1024x1024, …
 *
 * A prompt that this form cannot hold (it ends in white space, or looks like the lines below it) is followed by a
 * `Prompt length`, which other tools pass over.
 */
import type { Provenance } from './provenance.ts';

/** What such a text tells, as far as it does. */
export interface RecalledSettings {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly sampler?: string | undefined;
  readonly schedule?: string | undefined;
  /** In our convention, A1111's less 1; 0 is off. */
  readonly guidanceScale?: number | undefined;
  readonly model?: string | undefined;
  readonly modelHash?: string | undefined;
  readonly loras: readonly { readonly name: string; readonly strength: number }[];
  /** Everything else, by its name. */
  readonly other: Readonly<Record<string, string>>;
}

const NEGATIVE = '\nNegative prompt: ';

export function writeA1111Text(provenance: Omit<Provenance, 'software' | 'origin'> & { software: string }): string {
  const { prompt, negativePrompt, loras } = provenance;
  const tags = loras.map(({ name, strength }) => ` <lora:${name}:${strength}>`).join('');
  const head = prompt + tags + (negativePrompt === '' ? '' : NEGATIVE + negativePrompt);
  const plain = `${head}\n${settingsLine(provenance)}`;
  const back = readA1111Text(plain);
  const isPlain = back?.prompt === prompt && back.negativePrompt === negativePrompt;
  return isPlain ? plain : `${plain}, Prompt length: ${prompt.length}`;
}

/** Undefined for a text that is not of this form. */
export function readA1111Text(text: string): RecalledSettings | undefined {
  const at = text.lastIndexOf('\n');
  const pairs = readPairs(text.slice(at + 1));
  if (pairs === undefined) return undefined;
  const { 'Prompt length': length, ...fields } = pairs;
  const head = at < 0 ? '' : text.slice(0, at);
  return settingsOf((length === undefined ? undefined : splitExactly(head, Number(length))) ?? split(head), fields);
}

/**
 * Takes `<lora:name:strength>` out of a prompt, and one of the two commas that a tag stood between. A strength that is
 * missing is 1, further parts are left aside.
 */
export function takeLoraTags(prompt: string): Pick<RecalledSettings, 'prompt' | 'loras'> {
  const loras: { name: string; strength: number }[] = [];
  const rest = prompt.replace(
    /(, *| ?)<lora:([^<>:]+)(?::([^<>:]*))?(?::[^<>]*)?>(?= *(,?))/g,
    (tag, before: string, name: string, weight: string | undefined, after: string) => {
      const strength = weight === undefined || weight.trim() === '' ? 1 : Number(weight);
      if (!Number.isFinite(strength)) return tag;
      loras.push({ name, strength });
      return before.startsWith(',') && after === '' ? before : '';
    },
  );
  return { prompt: rest, loras };
}

interface Head {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly loras: RecalledSettings['loras'];
}

/** As A1111 reads it: what stands before the first line that begins with the words, each without outer white space. */
function split(head: string): Head {
  const at = `\n${head}`.indexOf(NEGATIVE.trimEnd());
  const before = at < 0 ? head : head.slice(0, Math.max(0, at - 1));
  const negativePrompt = at < 0 ? '' : head.slice(at + NEGATIVE.trimEnd().length - 1).trim();
  const { prompt, loras } = takeLoraTags(before);
  return { prompt: prompt.trim(), negativePrompt, loras };
}

function splitExactly(head: string, length: number): Head | undefined {
  const tail = /^((?: <lora:[^<>]*>)*)(?:\nNegative prompt: ([\s\S]*))?$/.exec(head.slice(length));
  if (tail === null) return undefined;
  const { loras } = takeLoraTags(tail[1] ?? '');
  return { prompt: head.slice(0, length), negativePrompt: tail[2] ?? '', loras };
}

function settingsLine(provenance: Parameters<typeof writeA1111Text>[0]): string {
  const { steps, sampler, schedule, guidanceScale, seed, width, height, model, modelSha256, loras } = provenance;
  const pairs: [string, string | undefined][] = [
    ['Steps', String(steps)],
    ['Sampler', sampler],
    ['Schedule type', schedule],
    ['CFG scale', String(rounded(guidanceScale + 1))],
    ['Seed', String(seed)],
    ['Size', `${width}x${height}`],
    ['Model hash', modelSha256?.slice(0, 10)],
    ['Model', model],
    ['Denoising strength', provenance.image && String(rounded(provenance.image.strength))],
    ['Lora hashes', loras.map(({ name, sha256 }) => `${name}: ${sha256.slice(0, 12)}`).join(', ') || undefined],
    ['Version', provenance.software],
  ];
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${quoted(value)}`])).join(', ');
}

/** Values that would break the line are JSON texts. */
function quoted(value: string): string {
  return /[,:\n"]/.test(value) ? JSON.stringify(value) : value;
}

/** Name and value pairs; undefined for a line that is none of settings. */
function readPairs(line: string): Record<string, string> | undefined {
  const pairs: Record<string, string> = {};
  const pattern = /([\w ().\-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/gy;
  for (let match = pattern.exec(line); match !== null && match[0] !== ''; match = pattern.exec(line)) {
    const [, name = '', value = ''] = match;
    pairs[name.trim()] = unquoted(value.trim());
  }
  return 'Steps' in pairs || Object.keys(pairs).length >= 3 ? pairs : undefined;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

function settingsOf(head: Head, fields: Record<string, string>): RecalledSettings {
  const {
    Steps: steps,
    Sampler: sampler,
    'Schedule type': schedule,
    'CFG scale': cfg,
    Seed: seed,
    Size: size,
    Model: model,
    'Model hash': modelHash,
    ...other
  } = fields;
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? [];
  const scale = numberOf(cfg);
  return {
    ...head,
    seed: numberOf(seed),
    steps: numberOf(steps),
    width: numberOf(width),
    height: numberOf(height),
    sampler,
    schedule,
    guidanceScale: scale === undefined ? undefined : Math.max(0, rounded(scale - 1)),
    model,
    modelHash,
    other,
  };
}

function numberOf(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Without the dust of binary fractions. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
