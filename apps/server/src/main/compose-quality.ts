/** Wiring of the quality gate and of reviews. */
import { systemClock } from '../adapters/clock.ts';
import type { QualityRoutePorts } from '../adapters/http/routes/reviews.ts';
import type { AssetUrls } from '../application/asset-urls.ts';
import { createManageQualityPolicy } from '../application/manage-quality-policy.ts';
import { createManageReviews } from '../application/manage-reviews.ts';
import type { IdSource, Store } from '../application/ports.ts';
import { createQualityGate, type QualityGate } from '../application/quality-gate.ts';
import type { RedrivePorts } from '../application/redrive-jobs.ts';
import type { SubmitGeneration } from '../application/submit-generation.ts';
import type { Config } from '../config/load.ts';
import { changePolicy, defaultQualityPolicy, type QualityPolicy } from '../domain/quality/policy.ts';

export function composeQualityGate(config: Config, store: Pick<Store, 'quality'>): QualityGate {
  const { duplicateWindow } = config;
  return createQualityGate({ reader: store.quality, installation: installationPolicy(config), duplicateWindow });
}

export interface QualityInput extends RedrivePorts {
  readonly ids: IdSource;
  readonly submit: SubmitGeneration;
  readonly assetUrls: AssetUrls;
}

export function composeQualityRoutes(config: Config, input: QualityInput): QualityRoutePorts {
  const { store, ids } = input;
  const clock = systemClock;
  return {
    assetUrls: input.assetUrls,
    reviews: createManageReviews({ ...input, clock }),
    policies: createManageQualityPolicy({
      ...{ store, ids, clock, access: store.access },
      installation: installationPolicy(config),
    }),
  };
}

function installationPolicy({ qualityPolicy }: Config): QualityPolicy {
  return changePolicy(defaultQualityPolicy, qualityPolicy);
}
