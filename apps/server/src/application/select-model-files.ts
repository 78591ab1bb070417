import { ModelError } from './model-errors.ts';
import type { HubFile, HubListing, WantedFile } from './model-ports.ts';

/**
 * The files of a listing that the pipeline reads: the wiring, the configs, the tokenizer, the weights in safetensors,
 * and the licence that goes with them. Pictures, read-mes, weights in other formats and variants in another number
 * type stay on the hub.
 *
 * @throws ModelError `hub_model_unsupported` when a part of the diffusers layout is missing
 */
export function selectModelFiles(listing: HubListing): readonly WantedFile[] {
  const files = listing.files.filter(({ path }) => isWanted(path));
  const missing = REQUIRED.filter(({ pattern }) => !files.some(({ path }) => pattern.test(path))).map(
    ({ name }) => name,
  );
  if (missing.length > 0) {
    throw new ModelError(
      'hub_model_unsupported',
      `${listing.repository} lacks ${missing.join(', ')}: expected a model in the diffusers layout with safetensors weights.`,
      { details: { missing } },
    );
  }
  return files.map((file) => withDigest(file, listing.repository));
}

const WEIGHTS = ['transformer', 'text_encoder', 'vae'] as const;

const REQUIRED: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'model_index.json', pattern: /^model_index\.json$/ },
  { name: 'tokenizer/tokenizer.json', pattern: /^tokenizer\/tokenizer\.json$/ },
  { name: 'scheduler/scheduler_config.json', pattern: /^scheduler\/scheduler_config\.json$/ },
  ...WEIGHTS.flatMap((part) => [
    { name: `${part}/config.json`, pattern: new RegExp(`^${part}/config\\.json$`) },
    { name: `${part}/*.safetensors`, pattern: new RegExp(`^${part}/[^/]+\\.safetensors$`) },
  ]),
];

const WANTED: readonly RegExp[] = [
  /^model_index\.json$/,
  /^(licen[cs]e|notice)[^/]*$/i,
  /^scheduler\/[^/]+\.json$/,
  /^tokenizer\/[^/]+\.(json|txt|jinja|model)$/,
  /^(transformer|text_encoder|vae)\/[^/]+\.(json|safetensors)$/,
];

/** `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`, `model.safetensors.index.fp16.json`. */
const VARIANT = /\.(fp16|bf16|fp32|fp8|int8|int4|ema|non_ema)[.-]/;

function isWanted(path: string): boolean {
  return WANTED.some((pattern) => pattern.test(path)) && !VARIANT.test(path);
}

function withDigest(file: HubFile, repository: string): WantedFile {
  const { digest } = file;
  if (digest === undefined)
    throw new ModelError('hub_answer_invalid', `The hub states no hash for ${file.path} of ${repository}.`);
  return { ...file, digest };
}
