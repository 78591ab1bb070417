import type { Inspection, RecalledSettings } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { recalledFile } from './recall-file.ts';

const library = { models: [{ name: 'demo' }], loras: [{ name: 'ink' }] };

function inspection(settings?: Partial<RecalledSettings>): Inspection {
  const told = settings && { prompt: 'a panda', negativePrompt: '', loras: [], other: {}, ...settings };
  return { origin: 'comfyui', settings: told } as Inspection;
}

describe('what a dropped picture gives to the draft', () => {
  test('all that this server can draw with, and the names of what it has not', () => {
    const loras = [
      { name: 'ink', strength: 0.7 },
      { name: 'clay', strength: 1 },
    ];
    const found = recalledFile(inspection({ seed: 7, steps: 20, width: 512, model: 'sdxl', loras }), library);
    expect(found.missing).toEqual(['sdxl', 'clay']);
    expect(found.change).toMatchObject({ prompt: 'a panda', seed: 7, steps: 20, width: 512, count: 1 });
    expect(found.change?.loras).toEqual([{ name: 'ink', strength: 0.7 }]);
    expect(found.change).not.toHaveProperty('model');
    expect(found.change).not.toHaveProperty('height');
  });

  test('what other programs name by its file, this server knows by its name', () => {
    const loras = [
      { name: 'ink.safetensors', strength: 0.7 },
      { name: 'styles\\ink.safetensors', strength: 0.2 },
    ];
    const found = recalledFile(inspection({ model: 'folder/demo.safetensors', loras }), library);
    expect(found.missing).toEqual([]);
    expect(found.change).toMatchObject({ model: 'demo', loras: [{ name: 'ink' }, { name: 'ink' }] });
  });

  test('guidance only for a model that it was meant for', () => {
    expect(recalledFile(inspection({ model: 'demo', guidanceScale: 3 }), library).change).toMatchObject({
      model: 'demo',
      guidanceScale: 3,
    });
    expect(recalledFile(inspection({ guidanceScale: 7 }), library).change).not.toHaveProperty('guidanceScale');
  });

  test('nothing when the file tells nothing, and no seed that is none', () => {
    expect(recalledFile(inspection(), library).change).toBeUndefined();
    expect(recalledFile(inspection({ prompt: ' ' }), library).change).toBeUndefined();
    expect(recalledFile(inspection({ seed: -1 }), library).change).not.toHaveProperty('seed');
  });
});
