/** The server as a whole. The model library and the engine process have entries of their own. */
export { type Config, type LoadConfigInput, loadConfig } from './config/load.ts';
export { type SettingName, type Settings, type SettingsInput, settingSchemas, variableOf } from './config/schema.ts';
export { StartupError, type StartupErrorCode, startupErrorCodes } from './config/startup-error.ts';
export { type RunningServer, serve, startServer } from './main/serve.ts';
