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

/** The key `prompt` of ComfyUI: the graph that ran. The first sampler is followed to its texts, size and model. */
export function readComfyUi(text: string | undefined): RecalledSettings | undefined {
  const graph = parseObject(text);
  if (graph === undefined) return undefined;
  const nodes = new Map(Object.entries(graph).map(([id, node]) => [id, asObject(node)]));
  const sampler = [...nodes.values()].find((node) => {
    const inputs = asObject(node?.['inputs']);
    return inputs !== undefined && 'steps' in inputs && 'positive' in inputs;
  });
  const inputs = asObject(sampler?.['inputs']);
  if (inputs === undefined) return undefined;
  const latent = findAlong(nodes, inputs['latent_image'], ['width']);
  const model = findAlong(nodes, inputs['model'], ['ckpt_name', 'unet_name', 'model_name']);
  return {
    prompt: promptAt(nodes, inputs['positive']),
    negativePrompt: promptAt(nodes, inputs['negative']),
    seed: asNumber(inputs['seed'] ?? inputs['noise_seed']),
    steps: asNumber(inputs['steps']),
    width: asNumber(latent?.['width']),
    height: asNumber(latent?.['height']),
    guidanceScale: guidanceOf(inputs['cfg']),
    sampler: asText(inputs['sampler_name']),
    schedule: asText(inputs['scheduler']),
    model: asText(model?.['ckpt_name'] ?? model?.['unet_name'] ?? model?.['model_name']),
    loras: comfyLoras(nodes),
    other: {},
  };
}

type Nodes = ReadonlyMap<string, Loose | undefined>;

function comfyLoras(nodes: Nodes): RecalledSettings['loras'] {
  return [...nodes.values()].flatMap((node) => {
    const inputs = asObject(node?.['inputs']);
    const name = asText(inputs?.['lora_name']);
    return name === undefined ? [] : [{ name, strength: asNumber(inputs?.['strength_model']) ?? 1 }];
  });
}

function promptAt(nodes: Nodes, link: unknown): string {
  return asText(findAlong(nodes, link, ['text'])?.['text']) ?? '';
}

/** Inputs of the first node up the links that has one of the values by itself. A graph may go round: each once. */
function findAlong(nodes: Nodes, link: unknown, wanted: readonly string[]): Loose | undefined {
  const seen = new Set<string>();
  const waiting: unknown[] = [link];
  while (waiting.length > 0) {
    const next = waiting.shift();
    const id = Array.isArray(next) ? String(next[0]) : undefined;
    if (id === undefined || seen.has(id)) continue;
    seen.add(id);
    const inputs = asObject(nodes.get(id)?.['inputs']);
    if (inputs === undefined) continue;
    if (wanted.some((name) => inputs[name] !== undefined && !Array.isArray(inputs[name]))) return inputs;
    waiting.push(...Object.values(inputs).filter(Array.isArray));
  }
  return undefined;
}

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
