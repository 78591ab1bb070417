/** Wiring of how pictures are labelled. */
import type { LabelPolicies } from '../application/provenance-ports.ts';
import type { Config } from '../config/load.ts';
import type { LabelPolicy } from '../domain/provenance/label-policy.ts';

export function createLabelPolicies(config: Config): LabelPolicies {
  const installation = installationPolicy(config);
  return { of: async () => installation };
}

/** What holds for tenants without a policy of their own. */
export function installationPolicy(
  config: Pick<Config, 'aiLabel' | 'aiLabelProducer' | 'visibleMark' | 'visibleMarkCorner' | 'visibleMarkPercent'>,
): LabelPolicy {
  const { aiLabel, aiLabelProducer, visibleMark, visibleMarkCorner, visibleMarkPercent } = config;
  const mark = { corner: visibleMarkCorner, heightPercent: visibleMarkPercent };
  return {
    implicitLabel: aiLabel,
    producer: aiLabelProducer,
    visibleMark: visibleMark === 'none' ? undefined : { ...mark, language: visibleMark },
  };
}
