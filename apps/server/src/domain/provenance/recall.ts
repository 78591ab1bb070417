import { type RecalledSettings, readA1111Text } from './a1111-text.ts';
import { readComfyUi, readInvokeAi, readSwarmUi } from './foreign-settings.ts';
import { asNumber, asObject, asText, parseObject } from './loose-json.ts';
import { type PictureMetadata, textNames } from './picture-metadata.ts';
import type { AigcLabel, Provenance, ProvenanceLora } from './provenance.ts';
import { readXmpProperty } from './read-xmp.ts';

export type PictureOrigin = 'imagemill' | 'automatic1111' | 'comfyui' | 'invokeai' | 'swarmui' | 'unknown';

/** What the texts of a picture's file say. Anybody can write them: they prove nothing. */
export interface Recalled {
  readonly origin: PictureOrigin;
  readonly settings: RecalledSettings | undefined;
  /** Our own record. */
  readonly provenance: Provenance | undefined;
  readonly aigc: AigcLabel | undefined;
  readonly digitalSourceType: string | undefined;
  /** The text of A1111 as it is. */
  readonly parameters: string | undefined;
}

export function recall({ texts, xmp = '' }: PictureMetadata): Recalled {
  const parameters = texts[textNames.parameters] ?? texts['UserComment'];
  const provenance = readProvenance(texts[textNames.provenance] ?? readXmpProperty(xmp, 'imagemill:provenance'));
  const aigc = readLabel(texts[textNames.aigc] ?? readXmpProperty(xmp, 'TC260:AIGC') ?? texts['UserComment']);
  return {
    ...(provenance === undefined
      ? foreign(texts, parameters)
      : { origin: 'imagemill' as const, settings: settingsOf(provenance) }),
    provenance,
    aigc,
    digitalSourceType: readXmpProperty(xmp, 'Iptc4xmpExt:DigitalSourceType'),
    parameters,
  };
}

function foreign(
  texts: PictureMetadata['texts'],
  parameters: string | undefined,
): Pick<Recalled, 'origin' | 'settings'> {
  const readers: readonly (readonly [PictureOrigin, RecalledSettings | undefined])[] = [
    ['invokeai', readInvokeAi(texts['invokeai_metadata'])],
    ['swarmui', readSwarmUi(parameters)],
    ['automatic1111', parameters === undefined ? undefined : readA1111Text(parameters)],
    ['comfyui', readComfyUi(texts['prompt'] ?? texts['Model']?.replace(/^prompt:/, ''))],
  ];
  const [origin, settings] = readers.find(([, found]) => found !== undefined) ?? ['unknown', undefined];
  return { origin, settings };
}

function settingsOf(provenance: Provenance): RecalledSettings {
  const { prompt, negativePrompt, seed, steps, width, height, sampler, schedule, guidanceScale } = provenance;
  const { model, modelSha256, loras, software, image } = provenance;
  return {
    ...{ prompt, negativePrompt, seed, steps, width, height, sampler, schedule, guidanceScale, model },
    modelHash: modelSha256,
    loras: loras.map(({ name, strength }) => ({ name, strength })),
    other: { ...(image && { 'Denoising strength': String(image.strength) }), Version: software },
  };
}

/** Undefined for what is not the whole of our record. */
export function readProvenance(text: string | undefined): Provenance | undefined {
  const data = parseObject(text);
  const [software, prompt, negativePrompt] = [data?.['software'], data?.['prompt'], data?.['negativePrompt']].map(
    asText,
  );
  const [seed, steps, width, height, guidanceScale] = ['seed', 'steps', 'width', 'height', 'guidanceScale'].map(
    (name) => asNumber(data?.[name]),
  );
  if (data === undefined || software === undefined || prompt === undefined || seed === undefined) return undefined;
  if (steps === undefined || width === undefined || height === undefined) return undefined;
  return {
    ...{ software, prompt, negativePrompt: negativePrompt ?? '', seed, steps, width, height },
    origin: data['origin'] === 'fixed-time' ? 'fixed-time' : 'model',
    engine: asText(data['engine']),
    generationId: asText(data['generationId']),
    jobId: asText(data['jobId']),
    createdAt: asText(data['createdAt']),
    sampler: asText(data['sampler']) ?? '',
    schedule: asText(data['schedule']) ?? '',
    guidanceScale: guidanceScale ?? 0,
    model: asText(data['model']) ?? '',
    modelSha256: asText(data['modelSha256']),
    loras: Array.isArray(data['loras']) ? data['loras'].flatMap(loraOf) : [],
    ...sourceOf(data),
  };
}

/** The picture that it started from and its mask, as far as the record tells. */
function sourceOf(data: Readonly<Record<string, unknown>>): Pick<Provenance, 'image' | 'mask'> {
  const [image, mask] = [asObject(data['image']), asObject(data['mask'])];
  const [sha256, strength, maskSha256] = [
    asText(image?.['sha256']),
    asNumber(image?.['strength']),
    asText(mask?.['sha256']),
  ];
  return {
    ...(sha256 === undefined || strength === undefined ? {} : { image: { sha256, strength } }),
    ...(maskSha256 === undefined ? {} : { mask: { sha256: maskSha256 } }),
  };
}

function loraOf(value: unknown): ProvenanceLora[] {
  const data = asObject(value);
  const [name, sha256, strength] = [asText(data?.['name']), asText(data?.['sha256']), asNumber(data?.['strength'])];
  if (name === undefined || sha256 === undefined || strength === undefined) return [];
  return [{ name, sha256, strength }];
}

function readLabel(text: string | undefined): AigcLabel | undefined {
  const outer = parseObject(text);
  // Some write the field with its name around it.
  const data = asObject(outer?.['AIGC']) ?? outer;
  if (data === undefined || data['Label'] === undefined) return undefined;
  const field = (name: keyof AigcLabel): string => String(data[name] ?? '');
  return {
    Label: field('Label'),
    ContentProducer: field('ContentProducer'),
    ProduceID: field('ProduceID'),
    ReservedCode1: field('ReservedCode1'),
    ContentPropagator: field('ContentPropagator'),
    PropagateID: field('PropagateID'),
    ReservedCode2: field('ReservedCode2'),
  };
}
