/** What one tensor of a LoRA file is to its layer. */
export type LoraPart = 'down' | 'up' | 'alpha' | 'dora' | LokrPart;

export type LokrPart = 'w1' | 'w1_a' | 'w1_b' | 'w2' | 'w2_a' | 'w2_b';

/** A key of a LoRA file, taken apart. */
export interface LoraKey {
  /** Name of the layer as the file spells it, without prefixes. */
  readonly layer: string;
  readonly part: LoraPart;
}

/**
 * Takes a key apart: prefixes of tools (`transformer.`, `diffusion_model.`, `lora_unet_` …) and the adapter name
 * `default` of PEFT go, the end tells the part. Undefined when the end is none that is known.
 */
export function parseLoraKey(key: string): LoraKey | undefined {
  const plain = key.replace(/\.default(?=\.|$)/, '');
  for (const { end, part } of ends) {
    const match = end.exec(plain);
    if (match !== null) return { layer: stripPrefixes(plain.slice(0, match.index)), part: part(match[1] ?? '') };
  }
  return undefined;
}

const ends: readonly { readonly end: RegExp; readonly part: (name: string) => LoraPart }[] = [
  { end: /\.lora(?:_|\.|_linear_layer\.)(?:A|down)(?:\.weight)?$/, part: () => 'down' },
  { end: /\.lora(?:_|\.|_linear_layer\.)(?:B|up)(?:\.weight)?$/, part: () => 'up' },
  { end: /(?:\.lora)?\.alpha$/, part: () => 'alpha' },
  { end: /\.(?:dora_scale|lora_magnitude_vector)(?:\.weight)?$/, part: () => 'dora' },
  { end: /\.lokr_(w[12](?:_[ab])?)$/, part: (name) => name as LokrPart },
];

const prefix = /^(?:base_model\.model\.|model\.|diffusion_model\.|transformer\.|lora_unet_|lora_transformer_|lycoris_)/;

function stripPrefixes(name: string): string {
  let rest = name;
  while (prefix.test(rest)) rest = rest.replace(prefix, '');
  return rest;
}
