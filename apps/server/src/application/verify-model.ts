import type { ByteProgress, InstalledModel, ModelStore, VerifyReport } from './model-ports.ts';

export interface VerifyModelInput {
  /** Folder, id or name. */
  readonly reference: string;
  readonly signal: AbortSignal;
  /** Bytes hashed, of all that will be. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

export type VerifyModel = (input: VerifyModelInput) => Promise<VerifyReport>;

/**
 * Hashes every file of an installed model against its manifest.
 *
 * @throws ModelError `model_unknown`, `model_ambiguous`, `model_unverifiable`, `cancelled`
 */
export function createVerifyModel({ store }: { readonly store: ModelStore }): VerifyModel {
  return async ({ reference, signal, onProgress }) => {
    const model = await store.find(reference);
    return store.verify(model, running(model.sizeBytes, onProgress), signal);
  };
}

export type RecordModel = (input: VerifyModelInput) => Promise<InstalledModel>;

/**
 * Writes the manifest of a model that was put in place by hand, from its files as they are.
 *
 * @throws ModelError `model_unknown`, `model_ambiguous`, `folder_unwritable`, `cancelled`
 */
export function createRecordModel({ store }: { readonly store: ModelStore }): RecordModel {
  return async ({ reference, signal, onProgress }) => {
    const model = await store.find(reference);
    return store.record(model, running(model.sizeBytes, onProgress), signal);
  };
}

function running(totalBytes: number, onProgress: VerifyModelInput['onProgress']): ByteProgress {
  let doneBytes = 0;
  return (delta) => {
    doneBytes += delta;
    onProgress?.(doneBytes, totalBytes);
  };
}
