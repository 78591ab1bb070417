import { AppError } from '../../domain/errors.ts';

/** @throws AppError `carrier_unavailable` for whatever Redis or the way to it throws */
export async function carrierErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Redis cannot be used at the moment: ${reason}. Jobs wait in the database until it can.`;
    throw new AppError('carrier_unavailable', message, { details: { reason }, cause: error });
  }
}
