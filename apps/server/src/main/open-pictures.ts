import { join } from 'node:path';
import { FilesystemStore } from '../adapters/assets/filesystem-store.ts';
import { createS3Files } from '../adapters/assets/s3-files.ts';
import { S3Store } from '../adapters/assets/s3-store.ts';
import type { FileCopies } from '../application/file-copies.ts';
import type { PictureStore } from '../application/ports.ts';
import type { PictureRemover } from '../application/retention-ports.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { isStorageFault } from '../domain/errors.ts';
import { sharedFolder } from './open-records.ts';

/**
 * The picture store that the settings name: an S3 service, else a folder.
 *
 * @throws StartupError `settings_invalid`, `picture_store_unusable`
 * @throws AppError when the folder cannot be used
 */
export async function openPictures(config: Config): Promise<PictureStore & PictureRemover> {
  const { s3Endpoint: endpoint } = config;
  if (endpoint === undefined) return FilesystemStore.open(join(sharedFolder(config), 'assets'));
  const { s3PublicEndpoint: publicEndpoint, s3LinkSeconds: linkSeconds } = config;
  try {
    return await S3Store.open({ ...placeOf(config, endpoint), publicEndpoint, linkSeconds });
  } catch (error) {
    if (!isStorageFault(error)) throw error;
    const message = `Pictures cannot be kept: ${error.message} ${adviceOf[error.code] ?? ''}`.trimEnd();
    const details = { code: error.code, ...error.details };
    throw new StartupError('picture_store_unusable', message, { details, cause: error });
  }
}

/**
 * Where processes that have S3 and no shared folder find what was handed in at another; undefined where one has the
 * records alone, or the settings name a folder.
 *
 * @throws StartupError `settings_invalid`
 */
export function openFileCopies(config: Config): FileCopies | undefined {
  const { s3Endpoint: endpoint, assetDir, databaseUrl } = config;
  if (databaseUrl === undefined || endpoint === undefined || assetDir !== undefined) return undefined;
  return createS3Files(placeOf(config, endpoint));
}

function placeOf(config: Config, endpoint: string) {
  return {
    ...{ endpoint, region: config.s3Region, bucket: required(config, 's3Bucket') },
    ...{ accessKeyId: required(config, 's3AccessKeyId'), secretAccessKey: required(config, 's3SecretAccessKey') },
  };
}

/** Origin that browsers are sent to for pictures; undefined when they get them from this server. */
export function pictureLinkOrigin({ s3Endpoint, s3PublicEndpoint, s3LinkSeconds }: Config): string | undefined {
  if (s3Endpoint === undefined || s3LinkSeconds === 0) return undefined;
  return new URL(s3PublicEndpoint ?? s3Endpoint).origin;
}

function required(config: Config, name: 's3Bucket' | 's3AccessKeyId' | 's3SecretAccessKey'): string {
  const value = config[name];
  if (value !== undefined) return value;
  const message = `${variableOf('s3Endpoint')} is set, so ${variableOf(name)} (or the setting ${name}) must be set too.`;
  throw new StartupError('settings_invalid', message, { details: { setting: name } });
}

const adviceOf: Readonly<Record<string, string>> = {
  storage_unreachable: `Check ${variableOf('s3Endpoint')} and whether the service runs.`,
  storage_bucket_missing: `Create the bucket, or correct ${variableOf('s3Bucket')}.`,
  storage_access_denied: `Check ${variableOf('s3AccessKeyId')}, its secret and its rights to read and write objects.`,
  storage_clock_wrong: 'Set the clocks of both machines, e.g. by NTP.',
  disk_full: 'Free some room there.',
  storage_failed: `Check ${variableOf('s3Endpoint')} and ${variableOf('s3Region')}.`,
};
