/**
 * A workflow in ComfyUI's API format (nodes by id) whose inputs have places for what a picture is made of: a text
 * `{{prompt}}`. An input that is one place and nothing else gets the value itself, numbers as numbers.
 */
import { z } from 'zod';
import type { EngineItem } from '../../application/engine-port.ts';

const nodeSchema = z.looseObject({ class_type: z.string().min(1), inputs: z.record(z.string(), z.unknown()) });
export const workflowSchema = z.record(z.string(), nodeSchema);
export type Workflow = z.output<typeof workflowSchema>;

export const places = ['prompt', 'negativePrompt', 'width', 'height', 'seed', 'steps', 'cfg', 'guidanceScale'] as const;
type Place = (typeof places)[number];

/** What is wrong with a workflow of the operator; undefined when it can draw. */
export function workflowProblem(workflow: Workflow): string | undefined {
  const used = [...JSON.stringify(workflow).matchAll(PLACE)].map(([, name]) => name ?? '');
  const unknown = used.find((name) => !(places as readonly string[]).includes(name));
  if (unknown !== undefined) return `it has the place {{${unknown}}}; known are ${places.join(', ')}`;
  const missing = (['prompt', 'seed'] as const).find((name) => !used.includes(name));
  if (missing !== undefined) return `it has no place {{${missing}}}, so every picture would be the same`;
  return undefined;
}

/** The workflow for one picture. */
export function fillWorkflow(workflow: Workflow, item: EngineItem): Workflow {
  const values: Readonly<Record<Place, string | number>> = {
    prompt: item.prompt,
    negativePrompt: item.negativePrompt,
    width: item.width,
    height: item.height,
    seed: item.seed,
    steps: item.steps,
    // ComfyUI's guidance is neg + s·(pos − neg): 1 is off.
    cfg: item.guidanceScale + 1,
    guidanceScale: item.guidanceScale,
  };
  const fill = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'string') return value;
    const whole = WHOLE.exec(value)?.[1];
    if (whole !== undefined) return values[whole as Place];
    return value.replace(PLACE, (_match, name: string) => String(values[name as Place]));
  };
  return Object.fromEntries(
    Object.entries(workflow).map(([id, node]) => {
      const inputs = Object.entries(node.inputs).map(([name, value]) => [name, fill(value)]);
      return [id, { ...node, inputs: Object.fromEntries(inputs) }];
    }),
  );
}

/** Z-Image-Turbo from the files that ComfyUI's own template names. The picture is kept for the session only. */
export const zImageWorkflow: Workflow = {
  model: { class_type: 'UNETLoader', inputs: { unet_name: 'z_image_turbo_bf16.safetensors', weight_dtype: 'default' } },
  text: {
    class_type: 'CLIPLoader',
    inputs: { clip_name: 'qwen_3_4b.safetensors', type: 'lumina2', device: 'default' },
  },
  vae: { class_type: 'VAELoader', inputs: { vae_name: 'ae.safetensors' } },
  shift: { class_type: 'ModelSamplingAuraFlow', inputs: { model: ['model', 0], shift: 3 } },
  positive: { class_type: 'CLIPTextEncode', inputs: { clip: ['text', 0], text: '{{prompt}}' } },
  negative: { class_type: 'CLIPTextEncode', inputs: { clip: ['text', 0], text: '{{negativePrompt}}' } },
  noise: {
    class_type: 'EmptySD3LatentImage',
    inputs: { width: '{{width}}', height: '{{height}}', batch_size: 1 },
  },
  draw: {
    class_type: 'KSampler',
    inputs: {
      ...{ model: ['shift', 0], positive: ['positive', 0], negative: ['negative', 0], latent_image: ['noise', 0] },
      ...{ seed: '{{seed}}', steps: '{{steps}}', cfg: '{{cfg}}' },
      ...{ sampler_name: 'euler', scheduler: 'simple', denoise: 1 },
    },
  },
  decode: { class_type: 'VAEDecode', inputs: { samples: ['draw', 0], vae: ['vae', 0] } },
  picture: { class_type: 'PreviewImage', inputs: { images: ['decode', 0] } },
};

const PLACE = /\{\{(\w+)\}\}/g;
const WHOLE = /^\{\{(\w+)\}\}$/;
