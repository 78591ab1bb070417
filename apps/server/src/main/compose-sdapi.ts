/** Wiring of the door for clients of AUTOMATIC1111: what it does with pixels, and the options that clients keep. */
import type { SdapiPorts } from '../adapters/http/sdapi/routes.ts';
import { readBounded } from '../adapters/http/uploaded-file.ts';
import { createCheckPicture } from '../adapters/pictures/check-picture.ts';
import { encodePicture } from '../adapters/pictures/encode-picture.ts';
import { enlarge } from '../adapters/pictures/enlarge.ts';
import { prepareSource } from '../adapters/pictures/source-for-drawing.ts';
import { pictureFiles } from '../adapters/provenance/picture-file.ts';
import { carryLabels } from '../application/carry-labels.ts';
import type { Store } from '../application/ports.ts';
import type { LabelPolicies } from '../application/provenance-ports.ts';
import type { Config } from '../config/load.ts';

export function composeSdapi(
  { maxUploadPixels: maxPixels, maxUploadBytes }: Config,
  { store, policies }: { readonly store: Store; readonly policies: LabelPolicies },
): SdapiPorts {
  const check = createCheckPicture({ maxPixels });
  return {
    findOptions: (owner) => store.findClientOptions(owner),
    saveOptions: (owner, options) => store.transact((transaction) => transaction.saveClientOptions(owner, options)),
    work: {
      maxPixels,
      check: async (bytes) => check(await readBounded([bytes], maxUploadBytes)),
      enlarge: (input) => enlarge(input, { maxPixels }),
      isMarked: async (tenantId) => (await policies.of(tenantId)).visibleMark !== undefined,
      async prepare(input) {
        const { putBack, ...prepared } = await prepareSource(input);
        return {
          ...prepared,
          putBack:
            putBack &&
            (async (drawn, file) => carryLabels(pictureFiles, drawn, await encodePicture(await putBack(drawn), file))),
        };
      },
    },
  };
}
