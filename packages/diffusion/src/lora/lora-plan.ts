import type { SafetensorsFile, TensorRef } from '../checkpoint/safetensors.ts';
import { DiffusionError } from '../errors.ts';
import { findLoraTarget, type LoraTarget } from '../families/z-image/lora-names.ts';
import { type LokrPart, type LoraPart, parseLoraKey } from './lora-key.ts';

/** A linear layer that an adapter changes. */
export interface LoraModule {
  /** Name in the checkpoint, such as `layers.0.attention.to_q`. */
  readonly name: string;
  /** Inner width of the product that is added. */
  readonly rank: number;
  readonly in: number;
  readonly out: number;
}

/** Tensors of a file that belong together: one product, for one layer or for the fused projection of three. */
export interface LoraSource {
  readonly layer: string;
  readonly kind: 'lora' | 'lokr';
  readonly parts: ReadonlyMap<LoraPart, TensorRef>;
  readonly rank: number;
  readonly in: number;
  readonly out: number;
  /** The layers that take rows `from` to `to` (excluded) of the product. */
  readonly provides: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

export interface LoraPlan {
  readonly sources: readonly LoraSource[];
  readonly modules: ReadonlyMap<string, LoraModule>;
  /** What was left out. */
  readonly warnings: readonly LoraWarning[];
}

/** Why keys are left out: they belong to no layer that is known, or to DoRA. */
export const loraWarningCodes = ['lora_keys_unknown', 'lora_keys_dora'] as const;

/** Keys of a file that are left out, in a sentence and with what other languages need to say it. */
export interface LoraWarning {
  readonly code: (typeof loraWarningCodes)[number];
  readonly message: string;
  readonly details: { readonly file: string; readonly count: number; readonly keys: string };
}

/** What happens to keys that the engine cannot apply: the file is refused, or they are left out with a warning. */
export type UnknownKeys = 'refuse' | 'warn';

/**
 * Decides from names and shapes which tensors of a file change which layers.
 * @throws DiffusionError `lora_invalid`
 */
export function planLora(header: SafetensorsFile, unknownKeys: UnknownKeys): LoraPlan {
  const { groups, unknown, magnitudes } = groupKeys(header);
  const complaints = [...complain('lora_keys_unknown', unknown), ...complain('lora_keys_dora', magnitudes)];
  if (complaints.length > 0 && unknownKeys === 'refuse') {
    const keys = [...unknown, ...magnitudes];
    const advice = 'Convert the file to plain LoRA, or allow unknown keys to be left out.';
    const what = complaints.map(({ words }) => words).join('. ');
    throw invalid(header.file, `${what}. ${advice}`, { keys, count: keys.length });
  }
  const problems: string[] = [];
  const sources = chooseSources(
    groups.flatMap((group) => planSource(group, problems)),
    problems,
  );
  if (problems.length > 0) {
    const text = `holds ${problems.length} faulty layers: ${firstTen(problems, '; ')}. Export the adapter again.`;
    throw invalid(header.file, text, { problems });
  }
  const modules = new Map(sources.flatMap(modulesOf).map((module) => [module.name, module]));
  if (modules.size === 0) {
    throw invalid(
      header.file,
      'holds no LoRA for the Z-Image transformer. Keys such as "diffusion_model.layers.0.attention.to_q.lora_A.weight" are expected.',
    );
  }
  const warnings = complaints.map(({ code, words, keys }): LoraWarning => {
    const details = { file: header.file, count: keys.length, keys: firstTen(keys) };
    return { code, message: `${header.file} ${words}; they are left out.`, details };
  });
  return { sources, modules, warnings };
}

export function invalid(
  file: string,
  what: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): DiffusionError {
  return new DiffusionError('lora_invalid', `${file} ${what}`, { details: { file, ...details }, cause });
}

/** The first ten of a list and how many more there are. */
export function firstTen(list: readonly string[], separator = ', '): string {
  const rest = list.length > 10 ? ` and ${list.length - 10} more` : '';
  return `${list.slice(0, 10).join(separator)}${rest}`;
}

interface Complaint extends Pick<LoraWarning, 'code'> {
  readonly words: string;
  readonly keys: readonly string[];
}

function complain(code: LoraWarning['code'], keys: readonly string[]): Complaint[] {
  const words = `holds ${keys.length} keys ${whyLeftOut[code]}: ${firstTen(keys)}`;
  return keys.length === 0 ? [] : [{ code, words, keys }];
}

const whyLeftOut: Readonly<Record<LoraWarning['code'], string>> = {
  lora_keys_unknown: 'that belong to no layer of the Z-Image transformer or to no known kind of adapter',
  lora_keys_dora: 'of DoRA, whose magnitudes cannot be applied without a rebuilt model',
};

interface Group {
  readonly layer: string;
  readonly target: LoraTarget;
  readonly parts: Map<LoraPart, TensorRef>;
}

function groupKeys(header: SafetensorsFile): { groups: Group[]; unknown: string[]; magnitudes: string[] } {
  const groups = new Map<string, Group>();
  const unknown: string[] = [];
  const magnitudes: string[] = [];
  for (const [key, ref] of header.tensors) {
    const parsed = parseLoraKey(key);
    const target = parsed && findLoraTarget(parsed.layer);
    if (parsed === undefined || target === undefined) unknown.push(key);
    else if (parsed.part === 'dora') magnitudes.push(key);
    else {
      const group = groups.get(parsed.layer) ?? { layer: parsed.layer, target, parts: new Map() };
      const twin = group.parts.get(parsed.part);
      if (twin !== undefined) throw invalid(header.file, `holds "${twin.name}" and "${key}", which mean the same.`);
      group.parts.set(parsed.part, ref);
      groups.set(parsed.layer, group);
    }
  }
  return { groups: [...groups.values()], unknown, magnitudes };
}

function planSource(group: Group, problems: string[]): (LoraSource & { isAlternative: boolean })[] {
  const { layer, target, parts } = group;
  const isLokr = [...parts.keys()].some((part) => part.startsWith('w'));
  const widths = isLokr ? lokrWidths(group) : loraWidths(group);
  if (typeof widths === 'string') {
    problems.push(`${layer} ${widths}`);
    return [];
  }
  const share = widths.out / target.modules.length;
  if (!Number.isInteger(share)) {
    problems.push(`${layer} has ${widths.out} outputs, which cannot be shared by ${target.modules.length} projections`);
    return [];
  }
  const provides = target.modules.map((name, at) => ({ name, from: at * share, to: (at + 1) * share }));
  const kind = isLokr ? 'lokr' : 'lora';
  return [{ layer, kind, parts, ...widths, provides, isAlternative: target.isAlternative }];
}

interface Widths {
  readonly rank: number;
  readonly in: number;
  readonly out: number;
}

/** Widths, or what is wrong. */
function loraWidths({ parts }: Group): Widths | string {
  const [down, up] = [parts.get('down'), parts.get('up')];
  if (down === undefined || up === undefined) return `lacks its ${down === undefined ? 'down' : 'up'} matrix`;
  const [rank = 0, into = 0] = down.shape;
  const [out = 0, width = 0] = up.shape;
  const shapes = `down [${down.shape.join(', ')}] and up [${up.shape.join(', ')}]`;
  if (!isMatrix(down) || !isMatrix(up) || width !== rank)
    return `has ${shapes}; [rank, in] and [out, rank] are expected`;
  return { rank, in: into, out };
}

function lokrWidths({ parts }: Group): Widths | string {
  if (parts.has('down') || parts.has('up')) return 'mixes LoRA and LoKr';
  const first = lokrSide(parts, 'w1');
  const second = lokrSide(parts, 'w2');
  if (typeof first === 'string') return first;
  if (typeof second === 'string') return second;
  return { rank: first.rank * second.rank, in: first.in * second.in, out: first.out * second.out };
}

function lokrSide(parts: ReadonlyMap<LoraPart, TensorRef>, name: 'w1' | 'w2'): Widths | string {
  const whole = parts.get(name);
  const [left, right] = [parts.get(`${name}_a` satisfies LokrPart), parts.get(`${name}_b` satisfies LokrPart)];
  const shapes = [whole, left, right].flatMap((ref) => (ref === undefined ? [] : [`[${ref.shape.join(', ')}]`]));
  const fault = `has lokr_${name} of ${shapes.join(' and ') || 'nothing'}; one matrix, or two whose inner widths are equal, are expected`;
  if (whole !== undefined) {
    const [out = 0, into = 0] = whole.shape;
    const isAlone = left === undefined && right === undefined;
    return isAlone && isMatrix(whole) ? { rank: Math.min(out, into), in: into, out } : fault;
  }
  if (left === undefined || right === undefined || !isMatrix(left) || !isMatrix(right)) return fault;
  const [out = 0, rank = 0] = left.shape;
  const [inner, into = 0] = right.shape;
  return inner === rank ? { rank, in: into, out } : fault;
}

function isMatrix({ shape }: TensorRef): boolean {
  return shape.length === 2 && shape.every((size) => size > 0);
}

/** Where a layer is given twice, the official spelling counts and the copy is dropped. */
function chooseSources(
  candidates: readonly (LoraSource & { isAlternative: boolean })[],
  problems: string[],
): LoraSource[] {
  const official = new Map<string, string>();
  const alternative = new Map<string, string>();
  for (const { layer, provides, isAlternative } of candidates) {
    const taken = isAlternative ? alternative : official;
    for (const { name } of provides) {
      const twin = taken.get(name);
      if (twin !== undefined) problems.push(`${name} is given as ${twin} and as ${layer}`);
      taken.set(name, layer);
    }
  }
  return candidates
    .map(({ isAlternative, ...source }) =>
      isAlternative ? { ...source, provides: source.provides.filter(({ name }) => !official.has(name)) } : source,
    )
    .filter(({ provides }) => provides.length > 0);
}

function modulesOf(source: LoraSource): LoraModule[] {
  return source.provides.map(({ name, from, to }) => ({ name, rank: source.rank, in: source.in, out: to - from }));
}
