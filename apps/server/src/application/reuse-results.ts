import type { Asset } from '../domain/asset.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Claim } from './claim-jobs.ts';
import type { ModelChoice } from './engine-port.ts';
import type { PictureStore, Store } from './ports.ts';
import type { LabelPolicies } from './provenance-ports.ts';

/** Pictures by the settings that they were drawn from, so that the very same request need not be drawn again. */
export interface ReuseResults {
  /** Of all that decides what a picture looks like; undefined when the model's files cannot be looked at. */
  keyOf(claim: Claim, model: ModelChoice): Promise<string | undefined>;
  /** The picture that this tenant got for the key, if its bytes are still there. */
  find(tenantId: TenantId, key: string): Promise<Asset | undefined>;
}

export interface ReuseResultsPorts {
  readonly store: Store;
  readonly pictures: PictureStore;
  /** SHA-256 of a text, in hex. */
  readonly hash: (text: string) => string;
  /** Changes when the files of a model do. */
  readonly fingerprintOf: (modelPath: string) => Promise<string>;
  /** What draws: the device as it is set. */
  readonly device: string;
  readonly policies: LabelPolicies;
}

export function createReuseResults(ports: ReuseResultsPorts): ReuseResults {
  const { store, pictures, hash, fingerprintOf, device, policies } = ports;
  return {
    async keyOf({ job, generation }, { modelPath, precision }) {
      const fingerprint = await fingerprintOf(modelPath).catch(() => undefined);
      if (fingerprint === undefined) return undefined;
      const { prompt, negativePrompt, width, height, steps, guidanceScale, model, format, quality } = generation;
      const settings = [prompt, negativePrompt, width, height, steps, guidanceScale, model, format, quality, job.seed];
      const loras = generation.loras.map(({ sha256, strength }) => [sha256, strength]);
      const { image, mask } = generation;
      const source = image === undefined ? [] : [[image.sha256, image.strength, mask?.sha256]];
      // Labels are part of the file: another policy gives other bytes.
      const policy = await policies.of(job.tenantId);
      return hash(JSON.stringify([device, precision, policy, fingerprint, settings, loras, ...source]));
    },
    async find(tenantId, key) {
      const asset = await store.findResult(tenantId, key);
      if (asset === undefined) return undefined;
      const bytes = await pictures.open(asset.sha256).catch(() => undefined);
      bytes?.destroy();
      return bytes === undefined ? undefined : asset;
    },
  };
}
