/** How a picture came to be, as it is written into its file; never a path of the machine. */
export interface Provenance {
  readonly software: string;
  /** `fixed-time` is the device for load tests: a grey picture that no model drew. */
  readonly origin: 'model' | 'fixed-time';
  /** What drew where it was no engine of this server: `comfyui`, `sd-server`, `openai`. */
  readonly engine?: string | undefined;
  /** Absent for a picture that no server drew. */
  readonly generationId?: string | undefined;
  readonly jobId?: string | undefined;
  /** RFC 3339: when the generation was accepted. */
  readonly createdAt?: string | undefined;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly width: number;
  readonly height: number;
  readonly sampler: string;
  readonly schedule: string;
  /** pos + s·(pos − neg); 0 is off. */
  readonly guidanceScale: number;
  readonly model: string;
  /** Undefined for a model whose files were never hashed. */
  readonly modelSha256?: string | undefined;
  readonly loras: readonly ProvenanceLora[];
  /** The picture that it started from: SHA-256 of the file in hex, and above 0 to 1. */
  readonly image?: { readonly sha256: string; readonly strength: number } | undefined;
  /** What said which part of that was repainted. */
  readonly mask?: { readonly sha256: string } | undefined;
}

export interface ProvenanceLora {
  readonly name: string;
  readonly sha256: string;
  readonly strength: number;
}

/** The only update rule and list of sigmas of the engine: Euler over uniform steps that are shifted. */
export const SAMPLER = 'Euler';
export const SCHEDULE = 'Simple';

/** IPTC NewsCodes, https://cv.iptc.org/newscodes/digitalsourcetype/ */
export function digitalSourceTypeOf({ origin, mask }: Pick<Provenance, 'origin' | 'mask'>): string {
  return `http://cv.iptc.org/newscodes/digitalsourcetype/${sourceTypeName(origin, mask !== undefined)}`;
}

/** A picture of which only a part was repainted is a composite. */
function sourceTypeName(origin: Provenance['origin'], isRepainted: boolean): string {
  if (origin !== 'model') return 'algorithmicMedia';
  return isRepainted ? 'compositeWithTrainedAlgorithmicMedia' : 'trainedAlgorithmicMedia';
}

/** Implicit label of GB 45438-2025, annex E; the field names are the standard's. */
export interface AigcLabel {
  /** 1 is generated, 2 may be, 3 is suspected to be. */
  readonly Label: string;
  readonly ContentProducer: string;
  readonly ProduceID: string;
  readonly ReservedCode1: string;
  readonly ContentPropagator: string;
  readonly PropagateID: string;
  readonly ReservedCode2: string;
}

/** The label of a picture that a model drew here. */
export function aigcLabelOf(producer: string, produceId: string): AigcLabel {
  return {
    Label: '1',
    ContentProducer: producer,
    ProduceID: produceId,
    ReservedCode1: '',
    ContentPropagator: '',
    PropagateID: '',
    ReservedCode2: '',
  };
}
