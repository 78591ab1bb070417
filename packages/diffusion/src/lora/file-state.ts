import { stat } from 'node:fs/promises';

/** How a file looks from outside. */
export interface FileState {
  /** Size, times and place in one text; empty when there is no file. */
  readonly state: string;
  /** Whether it was changed so lately that a later change may leave the state as it is. */
  readonly isYoung: boolean;
}

/** Size, times and place of a file. */
export async function fileState(path: string): Promise<FileState> {
  const now = BigInt(Date.now());
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return { state: '', isYoung: false };
  const { size, ino, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = stats;
  const isYoung = [mtimeMs, ctimeMs].some((time) => now - time < TIME_GRAIN_MS);
  return { state: [size, ino, mtimeNs, ctimeNs].join(' '), isYoung };
}

/** File systems keep times to two seconds at worst. */
const TIME_GRAIN_MS = 2_000n;
