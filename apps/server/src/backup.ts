/** Backup and restore, for the command line. */
export { loadConfig } from './config/load.ts';
export { backUpData, restoreData } from './main/backup.ts';
