/** Codes of what keeps the server from starting, with what they mean. */
export const startupErrorCodes = {
  settings_invalid: 'A setting has a wrong value or is unknown; the message names it and where it came from.',
  host_not_loopback: 'The host is not a loopback address, and there is no API key yet: others could do everything.',
  port_in_use: 'Another program listens on the port.',
  port_unusable: 'The system does not let the server listen there: a port below 1024, or an address it does not have.',
  data_folder_in_use: 'Another Imagemill server works in the data folder.',
  data_folder_unusable: 'The data folder cannot be created or written, or holds data of a newer version.',
  picture_store_unusable:
    'The S3 service does not keep pictures: it cannot be reached, the bucket is missing, the key may not write, a clock is wrong, or it is full; the message says which.',
  database_unusable: 'The database cannot be reached or used; the message says why.',
  database_missing: 'The command needs a database that several processes can share: the setting databaseUrl.',
  data_folder_moved: 'The records of the data folder were moved into a cluster, and are worked on there.',
  move_refused:
    'The records cannot be moved: the target is in use or not empty, or pictures are missing; the message says which.',
  backup_invalid:
    'The backup folder holds no snapshot, or one that is damaged or of a newer version; the message says which.',
  backup_not_embedded: 'The records are in PostgreSQL, which has tools of its own for backups.',
  restore_target_not_empty: 'A backup is restored into an empty folder only.',
  redis_missing: 'The command needs a Redis that carries jobs: the setting redisUrl.',
  site_fenced: 'The records belong to another site: the setting site is not the name on record.',
  standby_unusable: 'The database of the standby site cannot be asked, or is no replica; the message says which.',
  model_missing: 'There is no model that could draw.',
} as const satisfies Readonly<Record<string, string>>;

export type StartupErrorCode = keyof typeof startupErrorCodes;

/** What keeps the server from starting: one sentence that says what to do. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError';
  readonly code: StartupErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: StartupErrorCode,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
