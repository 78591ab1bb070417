import { z } from 'zod';
import { type Asset, assetSchema } from './asset.ts';

/** What wrote the settings into a picture's file. */
export const pictureOrigins = ['imagemill', 'automatic1111', 'comfyui', 'invokeai', 'swarmui', 'unknown'] as const;
export type PictureOrigin = (typeof pictureOrigins)[number];

/** Settings as a generation takes them, as far as the file tells. */
export interface RecalledSettings {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly sampler?: string | undefined;
  readonly schedule?: string | undefined;
  /** pos + s · (pos − neg); 0 is off. */
  readonly guidanceScale?: number | undefined;
  readonly model?: string | undefined;
  readonly modelHash?: string | undefined;
  readonly loras: readonly { readonly name: string; readonly strength: number }[];
  /** What has no field above, by its name. */
  readonly other: Readonly<Record<string, string>>;
}

/** How a picture came to be, as this program writes it. */
export interface Provenance {
  readonly software: string;
  /** `fixed-time` is a grey picture of the device for load tests. */
  readonly origin: 'model' | 'fixed-time';
  /** What drew where it was no engine of the server: `comfyui`, `sd-server`, `openai`. */
  readonly engine?: string | undefined;
  readonly generationId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly createdAt?: string | undefined;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
  readonly sampler: string;
  readonly schedule: string;
  readonly guidanceScale: number;
  readonly model: string;
  readonly modelSha256?: string | undefined;
  readonly loras: readonly { readonly name: string; readonly sha256: string; readonly strength: number }[];
  /** The picture that it started from, by the SHA-256 of its file. */
  readonly image?: { readonly sha256: string; readonly strength: number } | undefined;
  readonly mask?: { readonly sha256: string } | undefined;
}

/** The implicit label of GB 45438-2025. */
export interface AigcLabel {
  readonly Label: string;
  readonly ContentProducer: string;
  readonly ProduceID: string;
  readonly ReservedCode1: string;
  readonly ContentPropagator: string;
  readonly PropagateID: string;
  readonly ReservedCode2: string;
}

/** What a picture's file says of how it was made. The texts prove nothing; `match` is what the records say. */
export interface Inspection {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly origin: PictureOrigin;
  /**
   * `exact`: these very bytes are a picture of yours · `altered`: it names a generation of yours, but the bytes are
   * others · `none`: neither.
   */
  readonly match: 'exact' | 'altered' | 'none';
  /** The picture of an exact match. */
  readonly asset?: Asset | undefined;
  readonly settings?: RecalledSettings | undefined;
  readonly provenance?: Provenance | undefined;
  readonly aigc?: AigcLabel | undefined;
  /** Address of an IPTC NewsCode. */
  readonly digitalSourceType?: string | undefined;
  /** The text of A1111 as it is in the file. */
  readonly parameters?: string | undefined;
  /** Names of all texts in the file. */
  readonly texts: readonly string[];
}

const optionalText = z.string().optional();
const optionalNumber = z.number().optional();

const recalledSettingsSchema = z
  .object({
    prompt: z.string(),
    negativePrompt: z.string(),
    seed: optionalNumber,
    steps: optionalNumber,
    width: optionalNumber,
    height: optionalNumber,
    sampler: optionalText,
    schedule: optionalText,
    guidanceScale: optionalNumber,
    model: optionalText,
    modelHash: optionalText,
    loras: z.array(z.object({ name: z.string(), strength: z.number() })),
    other: z.record(z.string(), z.string()),
  })
  .meta({ id: 'RecalledSettings' });

const provenanceSchema = z
  .object({
    software: z.string(),
    origin: z.enum(['model', 'fixed-time']),
    engine: optionalText,
    generationId: optionalText,
    jobId: optionalText,
    createdAt: optionalText,
    prompt: z.string(),
    negativePrompt: z.string(),
    seed: z.number(),
    steps: z.number(),
    width: z.number(),
    height: z.number(),
    sampler: z.string(),
    schedule: z.string(),
    guidanceScale: z.number(),
    model: z.string(),
    modelSha256: optionalText,
    loras: z.array(z.object({ name: z.string(), sha256: z.string(), strength: z.number() })),
    image: z.object({ sha256: z.string(), strength: z.number() }).optional(),
    mask: z.object({ sha256: z.string() }).optional(),
  })
  .meta({ id: 'Provenance' });

const aigcLabelSchema = z
  .object({
    Label: z.string(),
    ContentProducer: z.string(),
    ProduceID: z.string(),
    ReservedCode1: z.string(),
    ContentPropagator: z.string(),
    PropagateID: z.string(),
    ReservedCode2: z.string(),
  })
  .meta({ id: 'AigcLabel', description: 'Implicit label of GB 45438-2025; 1 is generated' });

export const inspectionSchema: z.ZodType<Inspection> = z
  .object({
    sha256: z.string(),
    sizeBytes: z.int().nonnegative(),
    mediaType: z.string(),
    width: z.int().nonnegative(),
    height: z.int().nonnegative(),
    origin: z.enum(pictureOrigins),
    match: z.enum(['exact', 'altered', 'none']).meta({
      description:
        'exact: these bytes are a picture of yours. altered: it names a generation of yours, but the bytes are others.',
    }),
    asset: assetSchema.optional(),
    settings: recalledSettingsSchema.optional(),
    provenance: provenanceSchema.optional(),
    aigc: aigcLabelSchema.optional(),
    digitalSourceType: optionalText,
    parameters: optionalText,
    texts: z.array(z.string()),
  })
  .meta({ id: 'Inspection' });
