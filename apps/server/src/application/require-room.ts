import { AppError } from '../domain/errors.ts';
import type { Disk } from './ports.ts';

/** @throws AppError `disk_full` when less is free than is kept free */
export async function requireRoom(disk: Disk): Promise<void> {
  const freeBytes = await disk.freeBytes();
  if (freeBytes >= disk.minFreeBytes) return;
  const message = `The data folder has ${freeBytes} bytes left; ${disk.minFreeBytes} are kept free.`;
  throw new AppError('disk_full', message, { details: { freeBytes, minFreeBytes: disk.minFreeBytes } });
}
