import { DEFAULT_TENANT, type TenantId } from '../../domain/ids.ts';

/**
 * What tenants are called in metrics: the class that the settings give them, else `own` for the installation's own
 * tenant and `other` for the rest; or each by its id.
 */
export function createTenantLabel(settings: {
  readonly metricsTenants: 'class' | 'id';
  readonly tenantClasses: Readonly<Record<string, string>>;
}): (tenant: TenantId) => string {
  const classes = new Map(Object.entries(settings.tenantClasses));
  if (settings.metricsTenants === 'id') return (tenant) => tenant;
  return (tenant) => classes.get(tenant) ?? (tenant === DEFAULT_TENANT ? 'own' : 'other');
}
