/** What pictures' files say of how they were made, for programs that draw or read without serving. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hashOfBytes, pictureFiles } from './adapters/provenance/picture-file.ts';
import type { DrawnPicture, EngineItem } from './application/engine-port.ts';
import { type InspectedPicture, readPicture } from './application/inspect-picture.ts';
import { labelPicture, originOf } from './application/label-picture.ts';
import type { Config } from './config/load.ts';
import type { ModelFacts } from './domain/model.ts';
import type { VisibleMark } from './domain/provenance/label-policy.ts';
import { type ProvenanceLora, SAMPLER, SCHEDULE } from './domain/provenance/provenance.ts';
import { installationPolicy } from './main/compose-labels.ts';

/** The visible mark of the settings. */
export function markOf(config: Config): VisibleMark | undefined {
  return installationPolicy(config).visibleMark;
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const software = `Imagemill ${version}`;

export interface DrawnHere {
  readonly config: Config;
  readonly facts: ModelFacts;
  readonly loras: readonly ProvenanceLora[];
}

/** The file of a picture that no server drew: without ids and time, so that the same settings give the same bytes. */
export function labelDrawnPicture(item: EngineItem, picture: DrawnPicture, here: DrawnHere): Uint8Array {
  const { prompt, negativePrompt, seed, steps, guidanceScale } = item;
  const { width, height, image } = picture;
  return labelPicture(pictureFiles, {
    picture: image,
    policy: installationPolicy(here.config),
    produceId: createHash('sha256').update(image).digest('hex').slice(0, 32),
    provenance: {
      software,
      origin: originOf(picture),
      ...{ prompt, negativePrompt, seed, steps, width, height, guidanceScale },
      ...{ sampler: SAMPLER, schedule: SCHEDULE, loras: here.loras },
      model: here.facts.name,
      modelSha256: here.facts.weightsSha256,
    },
  });
}

/** What a picture's file says; undefined for what is no PNG, JPEG or WebP. */
export function inspectFile(bytes: Uint8Array): Omit<InspectedPicture, 'match' | 'asset'> | undefined {
  if (pictureFiles.read(bytes) === undefined) return undefined;
  return { ...readPicture(pictureFiles, bytes), sha256: hashOfBytes(bytes) };
}
