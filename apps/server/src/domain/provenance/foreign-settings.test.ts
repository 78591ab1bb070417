import { describe, expect, it } from 'vitest';
import { recall } from './recall.ts';

const file = { mediaType: 'image/png', width: 8, height: 8, xmp: undefined } as const;

describe('files of other programs', () => {
  it('ComfyUI: the graph is followed from the sampler to texts, size and model, also when it goes round', () => {
    const graph = {
      3: {
        class_type: 'KSampler',
        inputs: {
          seed: 5,
          steps: 9,
          cfg: 1,
          sampler_name: 'euler',
          scheduler: 'simple',
          positive: ['6', 0],
          negative: ['7', 0],
          latent_image: ['5', 0],
          model: ['10', 0],
        },
      },
      5: { class_type: 'EmptySD3LatentImage', inputs: { width: 1024, height: 768 } },
      6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat', clip: ['6', 0] } },
      7: { class_type: 'ConditioningZeroOut', inputs: { conditioning: ['7', 0] } },
      10: {
        class_type: 'LoraLoaderModelOnly',
        inputs: { lora_name: 'ink.safetensors', strength_model: 0.5, model: ['11', 0] },
      },
      11: { class_type: 'UNETLoader', inputs: { unet_name: 'z_image_turbo.safetensors' } },
    };
    expect(recall({ ...file, texts: { prompt: JSON.stringify(graph) } })).toMatchObject({
      origin: 'comfyui',
      settings: {
        prompt: 'a cat',
        negativePrompt: '',
        seed: 5,
        steps: 9,
        width: 1024,
        height: 768,
        guidanceScale: 0,
        model: 'z_image_turbo.safetensors',
        loras: [{ name: 'ink.safetensors', strength: 0.5 }],
      },
    });
  });

  it('InvokeAI and SwarmUI: their JSON is read', () => {
    const invoke = {
      positive_prompt: 'a cat',
      negative_prompt: 'dog',
      seed: 1,
      steps: 8,
      cfg_scale: 3,
      width: 8,
      height: 8,
      model: { name: 'z', hash: 'blake3:1' },
      loras: [{ model: { name: 'ink' }, weight: 0.7 }],
    };
    expect(recall({ ...file, texts: { invokeai_metadata: JSON.stringify(invoke) } })).toMatchObject({
      origin: 'invokeai',
      settings: { prompt: 'a cat', guidanceScale: 2, model: 'z', loras: [{ name: 'ink', strength: 0.7 }] },
    });
    const swarm = { sui_image_params: { prompt: 'a cat', seed: 2, steps: 8, cfgscale: 1, model: 'z' } };
    expect(recall({ ...file, texts: { parameters: JSON.stringify(swarm) } })).toMatchObject({
      origin: 'swarmui',
      settings: { seed: 2 },
    });
  });

  it('texts that say nothing are unknown', () => {
    for (const texts of [
      {},
      { parameters: 'hello' },
      { prompt: '[]' },
      { imagemill: '{"seed":1}' },
      { invokeai_metadata: 'null' },
    ]) {
      expect(recall({ ...file, texts })).toMatchObject({ origin: 'unknown', settings: undefined });
    }
  });
});
