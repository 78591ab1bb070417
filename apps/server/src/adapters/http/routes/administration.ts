import type { AdministrationPorts } from '../administration.ts';
import type { App } from '../app-type.ts';
import { addAuditRoute } from './audit.ts';
import { addBudgetRoutes, addCostRoutes } from './costs.ts';
import { addKeyRoutes } from './keys.ts';
import { addMemberRoutes } from './members.ts';
import { addRetentionRoutes } from './retention.ts';
import { addTenantRoutes } from './tenants.ts';
import { addUrlKeyRoute } from './url-key.ts';
import { addPriceRoutes, addUsageRoutes } from './usage.ts';
import { addWhoamiRoute } from './whoami.ts';

/** Who may do what, what they used and what they did: for a server, and for the command line on its data. */
export function addAdministrationRoutes(app: App, ports: AdministrationPorts): void {
  addWhoamiRoute(app, ports);
  addKeyRoutes(app, ports);
  addUrlKeyRoute(app, ports);
  addTenantRoutes(app, ports);
  addMemberRoutes(app, ports);
  addUsageRoutes(app, ports);
  addPriceRoutes(app, ports);
  addCostRoutes(app, ports);
  addBudgetRoutes(app, ports);
  addRetentionRoutes(app, ports);
  addAuditRoute(app, ports);
}
