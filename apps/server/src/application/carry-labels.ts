import { asciiJson } from '../domain/provenance/picture-metadata.ts';
import { digitalSourceTypeOf } from '../domain/provenance/provenance.ts';
import { recall } from '../domain/provenance/recall.ts';
import type { PictureFiles } from './provenance-ports.ts';

/** A picture that was made of one of ours, with the provenance and labels of that one in its file. */
export function carryLabels(files: PictureFiles, from: Uint8Array, to: Uint8Array): Uint8Array {
  const metadata = files.read(from);
  const { provenance, parameters, aigc, digitalSourceType } = metadata === undefined ? nothing : recall(metadata);
  if (provenance === undefined || parameters === undefined) return to;
  return files.write(to, {
    parameters,
    provenance: asciiJson(provenance),
    aigc: aigc && asciiJson(aigc),
    digitalSourceType: digitalSourceType ?? digitalSourceTypeOf(provenance),
    software: provenance.software,
  });
}

const nothing: Partial<ReturnType<typeof recall>> = {};
