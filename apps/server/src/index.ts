/** The server as a whole. The model library and the engine process have entries of their own. */
export { type Config, type LoadConfigInput, loadConfig } from './config/load.ts';
export { type SettingName, type Settings, type SettingsInput, settingSchemas, variableOf } from './config/schema.ts';
export { StartupError, type StartupErrorCode, startupErrorCodes } from './config/startup-error.ts';
export { migrateDatabase } from './main/migrate-database.ts';
export { type MoveReport, moveToCluster } from './main/move.ts';
export { type Role, type RunningProcess, type RunningServer, serve, startRole, startServer } from './main/serve.ts';
export { type StandbyReport, standBy } from './main/standby.ts';
