import { resolve } from 'node:path';
import { backUpData, loadConfig, restoreData } from '@imagemill/server/backup';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { formatBytes } from '../terminal/format.ts';

export interface BackupFlags {
  readonly dataDir?: string;
  readonly keep?: number;
  readonly json: boolean;
}

export interface RestoreFlags {
  readonly dataDir?: string;
  readonly snapshot?: string;
  readonly json: boolean;
}

/** Fails when pictures of the records were missing: the snapshot is kept and says which. */
export async function takeBackup(
  folder: string,
  { dataDir, keep, json, version }: BackupFlags & { readonly version: string },
  { output }: CommandContext,
): Promise<number> {
  const config = loadConfig({ overrides: dataDir === undefined ? {} : { dataDir } });
  const report = await backUpData(config, { target: resolve(folder), keep, version });
  const { snapshot, manifest, copied, copiedBytes, removedSnapshots } = report;
  const { count, missing } = manifest.pictures;
  if (json) output.result(JSON.stringify({ snapshot, ...manifest, copied, copiedBytes, removedSnapshots }));
  else {
    output.result(`snapshot ${snapshot}: ${count} pictures, ${copied} new files (${formatBytes(copiedBytes)})`);
    if (config.s3Endpoint !== undefined) output.result('pictures are in S3 and were not copied');
    if (removedSnapshots.length > 0) output.result(`removed: ${removedSnapshots.join(', ')}`);
    if (missing.length > 0) output.result(`missing or damaged pictures: ${missing.join(', ')}`);
  }
  return missing.length > 0 ? exitCodes.failed : exitCodes.ok;
}

export async function restoreBackup(
  folder: string,
  { dataDir, snapshot, json }: RestoreFlags,
  { output }: CommandContext,
): Promise<number> {
  const config = loadConfig({ overrides: dataDir === undefined ? {} : { dataDir } });
  const report = await restoreData(config, { source: resolve(folder), snapshot });
  const { manifest } = report;
  if (json) output.result(JSON.stringify({ ...report.manifest, snapshot: report.snapshot, dataDir: config.dataDir }));
  else {
    const missing = manifest.pictures.missing.length;
    const words = missing === 0 ? '' : `, ${missing} of which were missing already`;
    output.result(`restored ${report.snapshot} into ${config.dataDir}: ${manifest.pictures.count} pictures${words}`);
  }
  return exitCodes.ok;
}
