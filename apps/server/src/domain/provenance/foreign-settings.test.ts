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

  it('ComfyUI: texts and numbers in nodes of their own are found, and a zeroed conditioning is no negative prompt', () => {
    const graph = {
      1: {
        class_type: 'KSampler',
        inputs: {
          seed: ['20', 0],
          steps: ['22', 0],
          cfg: 1,
          model: ['2', 0],
          positive: ['5', 0],
          negative: ['6', 0],
          latent_image: ['7', 0],
        },
        is_changed: ['number'],
      },
      2: { class_type: 'UNETLoader', inputs: { unet_name: 'z_image_turbo.safetensors', weight_dtype: 'default' } },
      5: { class_type: 'CLIPTextEncode', inputs: { text: ['21', 0], clip: ['8', 0] } },
      6: { class_type: 'ConditioningZeroOut', inputs: { conditioning: ['5', 0] } },
      7: { class_type: 'EmptySD3LatentImage', inputs: { width: ['23', 0], height: 256, batch_size: 1 } },
      8: { class_type: 'CLIPLoader', inputs: { clip_name: 'qwen.safetensors', type: 'lumina2' } },
      20: { class_type: 'PrimitiveInt', inputs: { value: 777 } },
      21: { class_type: 'PrimitiveStringMultiline', inputs: { value: 'an owl, it says "NaN"' } },
      22: { class_type: 'easy int', inputs: { value: '9' } },
      23: { class_type: 'PrimitiveInt', inputs: { value: 320 } },
    };
    // ComfyUI is written in Python, whose JSON has a number that JSON has not.
    const text = JSON.stringify(graph).replace('"number"', 'NaN');
    expect(recall({ ...file, texts: { prompt: text } })).toMatchObject({
      origin: 'comfyui',
      settings: {
        prompt: 'an owl, it says "NaN"',
        negativePrompt: '',
        seed: 777,
        steps: 9,
        width: 320,
        height: 256,
        model: 'z_image_turbo.safetensors',
      },
    });
  });

  it('ComfyUI: a custom sampler has its guider, noise and sigmas followed', () => {
    const graph = {
      13: {
        class_type: 'SamplerCustomAdvanced',
        inputs: {
          noise: ['25', 0],
          guider: ['22', 0],
          sampler: ['16', 0],
          sigmas: ['17', 0],
          latent_image: ['27', 0],
        },
      },
      16: { class_type: 'KSamplerSelect', inputs: { sampler_name: 'euler' } },
      17: { class_type: 'BasicScheduler', inputs: { scheduler: 'simple', steps: 20, denoise: 1, model: ['12', 0] } },
      22: { class_type: 'BasicGuider', inputs: { model: ['12', 0], conditioning: ['26', 0] } },
      25: { class_type: 'RandomNoise', inputs: { noise_seed: 43 } },
      26: { class_type: 'FluxGuidance', inputs: { guidance: 3.5, conditioning: ['6', 0] } },
      6: { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse', clip: ['11', 0] } },
      12: { class_type: 'UNETLoader', inputs: { unet_name: 'flux1-dev.safetensors' } },
      27: { class_type: 'EmptySD3LatentImage', inputs: { width: 1024, height: 512, batch_size: 1 } },
    };
    expect(recall({ ...file, texts: { prompt: JSON.stringify(graph) } })).toMatchObject({
      origin: 'comfyui',
      settings: {
        prompt: 'a lighthouse',
        negativePrompt: '',
        seed: 43,
        steps: 20,
        width: 1024,
        height: 512,
        sampler: 'euler',
        schedule: 'simple',
        model: 'flux1-dev.safetensors',
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
