import type { TenantId } from '../domain/ids.ts';
import type { ModelFacts } from '../domain/model.ts';
import { writeA1111Text } from '../domain/provenance/a1111-text.ts';
import type { LabelPolicy, VisibleMark } from '../domain/provenance/label-policy.ts';
import { asciiJson } from '../domain/provenance/picture-metadata.ts';
import {
  aigcLabelOf,
  digitalSourceTypeOf,
  type Provenance,
  SAMPLER,
  SCHEDULE,
} from '../domain/provenance/provenance.ts';
import type { Claim } from './claim-jobs.ts';
import type { DrawnPicture } from './engine-port.ts';
import type { LabelPolicies, PictureFiles } from './provenance-ports.ts';

/** Puts into pictures where they come from and that they were generated, as each tenant wants it. */
export interface PictureLabeller {
  /** The visible mark that is drawn into a tenant's pictures. */
  markOf(tenantId: TenantId): Promise<VisibleMark | undefined>;
  /** The file of a finished picture with its provenance. A repeat of the attempt gives the same bytes. */
  label(claim: Claim, picture: DrawnPicture, model: Pick<ModelFacts, 'weightsSha256'>): Promise<Uint8Array>;
}

export interface PictureLabellerPorts {
  readonly files: PictureFiles;
  readonly policies: LabelPolicies;
  /** Name and version of this program. */
  readonly software: string;
}

export function createPictureLabeller({ files, policies, software }: PictureLabellerPorts): PictureLabeller {
  return {
    markOf: async (tenantId) => (await policies.of(tenantId)).visibleMark,
    async label({ job, generation }, picture, model) {
      const { prompt, negativePrompt, steps, guidanceScale, loras, image, mask } = generation;
      const provenance: Provenance = {
        software,
        origin: originOf(picture),
        engine: remoteEngineOf(picture),
        generationId: generation.id,
        jobId: job.id,
        createdAt: new Date(generation.createdAt).toISOString(),
        ...{ prompt, negativePrompt, seed: job.seed, steps, width: picture.width, height: picture.height },
        ...{ sampler: SAMPLER, schedule: SCHEDULE, guidanceScale },
        model: generation.model,
        modelSha256: model.weightsSha256,
        loras,
        image: image && { sha256: image.sha256, strength: image.strength },
        mask: mask && { sha256: mask.sha256 },
      };
      const policy = await policies.of(job.tenantId);
      return labelPicture(files, { picture: picture.image, provenance, policy, produceId: job.id });
    },
  };
}

export interface LabelInput {
  readonly picture: Uint8Array;
  readonly provenance: Provenance;
  readonly policy: Pick<LabelPolicy, 'implicitLabel' | 'producer'>;
  /** Names the content for the implicit label. */
  readonly produceId: string;
}

/** The picture with its provenance and labels in its file. The same input gives the same bytes. */
export function labelPicture(files: Pick<PictureFiles, 'write'>, input: LabelInput): Uint8Array {
  const { picture, provenance, policy, produceId } = input;
  const isLabelled = policy.implicitLabel && provenance.origin === 'model';
  return files.write(picture, {
    parameters: writeA1111Text(provenance),
    provenance: asciiJson(provenance),
    aigc: isLabelled ? asciiJson(aigcLabelOf(policy.producer, produceId)) : undefined,
    digitalSourceType: digitalSourceTypeOf(provenance),
    software: provenance.software,
  });
}

/** The kind of a remote engine; undefined for engines of this server. */
function remoteEngineOf({ executionProvider }: Pick<DrawnPicture, 'executionProvider'>): string | undefined {
  return /^remote:(.+)$/.exec(executionProvider)?.[1];
}

/** What drew a picture. */
export function originOf({ executionProvider }: Pick<DrawnPicture, 'executionProvider'>): Provenance['origin'] {
  return executionProvider === 'fixed-time' ? 'fixed-time' : 'model';
}
