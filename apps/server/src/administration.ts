/** Keys, tenants, usage and audit of a data folder, for programs that administer without serving. */
export { loadConfig } from './config/load.ts';
export type { SettingsInput } from './config/schema.ts';
export { examineMachine } from './main/examine-machine.ts';
export { type Administration, openAdministration } from './main/open-administration.ts';
