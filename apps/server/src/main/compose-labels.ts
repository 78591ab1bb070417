/** Wiring of how pictures are labelled. */
import type { LabelPolicies } from '../application/provenance-ports.ts';
import type { Config } from '../config/load.ts';
import type { LabelPolicy } from '../domain/provenance/label-policy.ts';

type LabelSettings = Pick<
  Config,
  'aiLabel' | 'aiLabelProducer' | 'visibleMark' | 'visibleMarkCorner' | 'visibleMarkPercent'
>;

/** A tenant's own settings where it has some, else those of all. */
export function createLabelPolicies(config: Config): LabelPolicies {
  const installation = installationPolicy(config);
  const own = new Map(
    Object.entries(config.tenantLabels).map(([tenant, labels]) => {
      const given = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined));
      return [tenant, installationPolicy({ ...config, ...given })];
    }),
  );
  return { of: async (tenantId) => own.get(tenantId) ?? installation };
}

/** What holds for tenants without labels of their own. */
export function installationPolicy(config: LabelSettings): LabelPolicy {
  const { aiLabel, aiLabelProducer, visibleMark, visibleMarkCorner, visibleMarkPercent } = config;
  const mark = { corner: visibleMarkCorner, heightPercent: visibleMarkPercent };
  return {
    implicitLabel: aiLabel,
    producer: aiLabelProducer,
    visibleMark: visibleMark === 'none' ? undefined : { ...mark, language: visibleMark },
  };
}
