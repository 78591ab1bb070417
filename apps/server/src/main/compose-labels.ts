/** Wiring of how pictures are labelled. */
import type { AccessBook } from '../application/access-book.ts';
import type { LabelPolicies } from '../application/provenance-ports.ts';
import type { Config } from '../config/load.ts';
import type { TenantId } from '../domain/ids.ts';
import type { LabelOverride, LabelPolicy } from '../domain/provenance/label-policy.ts';

type LabelSettings = Pick<
  Config,
  'aiLabel' | 'aiLabelProducer' | 'visibleMark' | 'visibleMarkCorner' | 'visibleMarkPercent'
>;

/**
 * A tenant's own labels where it has some: those of its record before those of the settings, else those of all.
 *
 * @param ownOf of the record of a tenant
 */
export function createLabelPolicies(
  config: Config,
  ownOf: (tenant: TenantId) => LabelOverride | undefined = () => undefined,
): LabelPolicies {
  return {
    async of(tenantId) {
      const own = { ...given(config.tenantLabels[tenantId]), ...given(ownOf(tenantId)) };
      return installationPolicy({ ...config, ...own });
    },
  };
}

/** With the records of tenants as they were last looked at. */
export function tenantLabelPolicies(config: Config, book: Pick<AccessBook, 'tenant'>): LabelPolicies {
  return createLabelPolicies(config, (tenant) => book.tenant(tenant)?.labels);
}

function given(labels: LabelOverride | undefined): Partial<LabelSettings> {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([, value]) => value !== undefined));
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
