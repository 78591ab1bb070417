import { describe, expect, it } from 'vitest';
import { familyOf, pipelineOf } from './model-family.ts';
import type { HubFile, HubListing } from './model-ports.ts';
import { selectModelFiles } from './select-model-files.ts';

const needed = [
  'model_index.json',
  'scheduler/scheduler_config.json',
  'text_encoder/config.json',
  'text_encoder/model-00001-of-00002.safetensors',
  'text_encoder/model-00002-of-00002.safetensors',
  'text_encoder/model.safetensors.index.json',
  'tokenizer/tokenizer.json',
  'tokenizer/merges.txt',
  'tokenizer/chat_template.jinja',
  'transformer/config.json',
  'transformer/diffusion_pytorch_model.safetensors',
  'vae/config.json',
  'vae/diffusion_pytorch_model.safetensors',
];

function listing(paths: readonly string[]): HubListing {
  const files = paths.map(
    (path): HubFile => ({ path, sizeBytes: 1, digest: { algorithm: 'sha256', hex: 'a'.repeat(64) } }),
  );
  return { repository: 'owner/name', revision: 'main', files };
}

const selected = (...paths: readonly string[]): readonly string[] =>
  selectModelFiles(listing(paths)).map(({ path }) => path);

describe('the files that a pull takes', () => {
  it('are those of the diffusers layout, with the licence', () => {
    expect(selected(...needed, 'LICENSE', 'NOTICE.txt')).toEqual([...needed, 'LICENSE', 'NOTICE.txt']);
  });

  it('are no pictures, read-mes, other formats, variants or folders that the pipeline does not read', () => {
    const others = [
      'README.md',
      'assets/a.png',
      '.gitattributes',
      'z_image_turbo_bf16.safetensors',
      'transformer/diffusion_pytorch_model.fp16.safetensors',
      'transformer/diffusion_pytorch_model.bf16-00001-of-00002.safetensors',
      'transformer/diffusion_pytorch_model.safetensors.index.fp16.json',
      'transformer/diffusion_pytorch_model.bin',
      'transformer/extra/config.json',
      'safety_checker/model.safetensors',
    ];
    expect(selected(...needed, ...others)).toEqual(needed);
  });

  it('must be all that a pipeline needs', () => {
    for (const path of [
      'model_index.json',
      'tokenizer/tokenizer.json',
      'transformer/config.json',
      'vae/diffusion_pytorch_model.safetensors',
    ]) {
      const incomplete = needed.filter((other) => other !== path);
      expect(() => selected(...incomplete)).toThrow(expect.objectContaining({ code: 'hub_model_unsupported' }));
    }
    expect(() => selected('model.gguf')).toThrow(/lacks model_index\.json, .*expected a model in the diffusers layout/);
  });

  it('must have a hash', () => {
    const { files, ...rest } = listing(needed);
    const unhashed = { ...rest, files: files.map((file, at) => (at === 3 ? { ...file, digest: undefined } : file)) };
    expect(() => selectModelFiles(unhashed)).toThrow(/no hash for text_encoder\/model-00001/);
  });
});

describe('the family of a checkpoint', () => {
  it('follows from the pipeline that its model_index.json names', () => {
    expect(familyOf('{"_class_name":"ZImagePipeline"}')).toBe('z-image');
    expect(familyOf('{"_class_name":"FluxPipeline"}')).toBeUndefined();
  });

  it('is unknown for anything else', () => {
    for (const text of ['', '{', '[]', 'null', '{"_class_name": 3}', '{}'])
      expect([pipelineOf(text), familyOf(text)]).toEqual([undefined, undefined]);
  });
});
