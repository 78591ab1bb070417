/** Settings as ComfyUI, InvokeAI and SwarmUI write them, as far as their texts tell. */
import type { RecalledSettings } from './a1111-text.ts';
import { asNumber, asObject, asText, type Loose, parseObject } from './loose-json.ts';

/** The key `invokeai_metadata` of InvokeAI 3 and later. */
export function readInvokeAi(text: string | undefined): RecalledSettings | undefined {
  const data = parseObject(text);
  if (data === undefined || asText(data['positive_prompt']) === undefined) return undefined;
  const model = asObject(data['model']);
  const loras = listOf(data['loras']).flatMap((entry) => {
    const lora = asObject(entry['lora']) ?? asObject(entry['model']);
    const name = asText(lora?.['name'] ?? lora?.['model_name']);
    return name === undefined ? [] : [{ name, strength: asNumber(entry['weight']) ?? 1 }];
  });
  return {
    ...numbersOf(data),
    prompt: asText(data['positive_prompt']) ?? '',
    negativePrompt: asText(data['negative_prompt']) ?? '',
    guidanceScale: guidanceOf(data['cfg_scale']),
    sampler: asText(data['scheduler']),
    model: asText(model?.['name'] ?? model?.['model_name']),
    modelHash: asText(model?.['hash']),
    loras,
    other: othersOf(data, ['app_version', 'generation_mode', 'strength']),
  };
}

/** The key `parameters` of SwarmUI, which holds JSON. */
export function readSwarmUi(text: string | undefined): RecalledSettings | undefined {
  const data = asObject(parseObject(text)?.['sui_image_params']);
  if (data === undefined) return undefined;
  const names = Array.isArray(data['loras']) ? data['loras'] : [];
  const weights = Array.isArray(data['loraweights']) ? data['loraweights'] : [];
  return {
    ...numbersOf(data),
    prompt: asText(data['prompt']) ?? '',
    negativePrompt: asText(data['negativeprompt']) ?? '',
    guidanceScale: guidanceOf(data['cfgscale']),
    sampler: asText(data['sampler']),
    schedule: asText(data['scheduler']),
    model: asText(data['model']),
    loras: names.map((name, at) => ({ name: String(name), strength: asNumber(weights[at]) ?? 1 })),
    other: othersOf(data, ['swarm_version']),
  };
}

/**
 * The key `prompt` of ComfyUI: the graph that ran. The first sampler is followed to its texts, numbers, size and model;
 * one of the custom kind has them in nodes of their own (guider, noise, sigmas).
 */
export function readComfyUi(text: string | undefined): RecalledSettings | undefined {
  const graph = parseObject(text);
  if (graph === undefined) return undefined;
  const nodes = new Map(Object.entries(graph).map(([id, node]) => [id, asObject(node)]));
  const inputs = [...nodes.values()]
    .map((node) => asObject(node?.['inputs']))
    .find((candidate) => candidate !== undefined && isSampler(candidate));
  if (inputs === undefined) return undefined;
  const guider = inputsAt(nodes, inputs['guider']);
  const sigmas = inputsAt(nodes, inputs['sigmas']);
  const latent = findAlong(nodes, inputs['latent_image'], ['width'], isThere);
  const model = findAlong(nodes, inputs['model'] ?? guider?.['model'], modelNames, isText);
  const seed = inputs['seed'] ?? inputs['noise_seed'] ?? inputsAt(nodes, inputs['noise'])?.['noise_seed'];
  return {
    prompt: promptAt(nodes, inputs['positive'] ?? guider?.['positive'] ?? guider?.['conditioning']),
    negativePrompt: promptAt(nodes, inputs['negative'] ?? guider?.['negative']),
    seed: numberAt(nodes, seed),
    steps: numberAt(nodes, inputs['steps'] ?? sigmas?.['steps']),
    width: numberAt(nodes, latent?.['width']),
    height: numberAt(nodes, latent?.['height']),
    guidanceScale: guidanceOf(numberAt(nodes, inputs['cfg'] ?? guider?.['cfg'])),
    sampler: asText(inputs['sampler_name'] ?? inputsAt(nodes, inputs['sampler'])?.['sampler_name']),
    schedule: asText(inputs['scheduler'] ?? sigmas?.['scheduler']),
    model: modelNames.map((name) => asText(model?.[name])).find((name) => name !== undefined),
    loras: comfyLoras(nodes),
    other: {},
  };
}

type Nodes = ReadonlyMap<string, Loose | undefined>;

const modelNames = ['ckpt_name', 'unet_name', 'model_name'];
/** Inputs that a prompt is written into: of the encoders, and of the nodes that only hold a text. */
const textNames = ['text', 'text_g', 't5xxl', 'prompt', 'string', 'value'];
/** Inputs of the nodes that only hold a number. */
const numberNames = ['value', 'seed', 'noise_seed', 'int', 'number'];

function isSampler(inputs: Loose): boolean {
  return ('steps' in inputs && 'positive' in inputs) || ('guider' in inputs && 'sigmas' in inputs);
}

function comfyLoras(nodes: Nodes): RecalledSettings['loras'] {
  return [...nodes.values()].flatMap((node) => {
    const inputs = asObject(node?.['inputs']);
    const name = asText(inputs?.['lora_name']);
    return name === undefined ? [] : [{ name, strength: asNumber(inputs?.['strength_model']) ?? 1 }];
  });
}

function promptAt(nodes: Nodes, link: unknown): string {
  const holder = findAlong(nodes, link, textNames, isText);
  return textNames.map((name) => asText(holder?.[name])).find((text) => text !== undefined) ?? '';
}

/** A number that is written there, or in the node that the input leads to. */
function numberAt(nodes: Nodes, value: unknown): number | undefined {
  if (!Array.isArray(value)) return asNumber(value);
  const holder = findAlong(nodes, value, numberNames, (one) => asNumber(one) !== undefined);
  return numberNames.map((name) => asNumber(holder?.[name])).find((number) => number !== undefined);
}

function inputsAt(nodes: Nodes, link: unknown): Loose | undefined {
  return Array.isArray(link) ? asObject(nodes.get(String(link[0]))?.['inputs']) : undefined;
}

/** Inputs of the first node up the links that has one of the values itself. A graph may go round: each once. */
function findAlong(
  nodes: Nodes,
  link: unknown,
  wanted: readonly string[],
  isFit: (value: unknown) => boolean,
): Loose | undefined {
  const seen = new Set<string>();
  const waiting: unknown[] = [link];
  while (waiting.length > 0) {
    const next = waiting.shift();
    const id = Array.isArray(next) ? String(next[0]) : undefined;
    if (id === undefined || seen.has(id)) continue;
    seen.add(id);
    const node = nodes.get(id);
    const inputs = asObject(node?.['inputs']);
    // What lies behind a conditioning that was set to zero is not asked for.
    if (inputs === undefined || node?.['class_type'] === 'ConditioningZeroOut') continue;
    if (wanted.some((name) => isFit(inputs[name]))) return inputs;
    waiting.push(...Object.values(inputs).filter(Array.isArray));
  }
  return undefined;
}

const isText = (value: unknown): boolean => asText(value) !== undefined;
/** Also a size that leads to a node with the number: the node that has a width is the one of the latent. */
const isThere = (value: unknown): boolean => value !== undefined;

function numbersOf(data: Loose): Pick<RecalledSettings, 'seed' | 'steps' | 'width' | 'height'> {
  const { seed, steps, width, height } = data;
  return { seed: asNumber(seed), steps: asNumber(steps), width: asNumber(width), height: asNumber(height) };
}

/** Theirs is neg + s·(pos − neg): 1 is off. */
function guidanceOf(value: unknown): number | undefined {
  const scale = asNumber(value);
  return scale === undefined ? undefined : Math.max(0, Math.round((scale - 1) * 1e6) / 1e6);
}

function listOf(value: unknown): readonly Loose[] {
  const entries: unknown[] = Array.isArray(value) ? value : [];
  return entries.map(asObject).filter((entry) => entry !== undefined);
}

function othersOf(data: Loose, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (data[name] === undefined ? [] : [[name, String(data[name])]])));
}
