import { useMutation } from '@tanstack/react-query';
import { client } from '../../shared/api/client.ts';
import { useLoras } from '../../shared/api/loras.ts';
import { useModels } from '../../shared/api/system.ts';
import type { DraftStore } from './draft-store.ts';
import { type RecalledFile, recalledFile } from './recall-file.ts';

/** Takes settings over from the file of a picture. */
export interface RecallFile {
  read(file: File): void;
  readonly file: File | undefined;
  /** What was found in it. */
  readonly found: RecalledFile | undefined;
  readonly error: Error | null;
  readonly isReading: boolean;
  dismiss(): void;
}

export function useRecallFile(store: DraftStore): RecallFile {
  const models = useModels();
  const loras = useLoras();
  const reading = useMutation({
    mutationFn: async (file: File) => recalledFile(await client.inspect(file), { models, loras }),
    onSuccess: ({ change }) => {
      if (change !== undefined) store.update(change);
    },
  });
  return {
    read: reading.mutate,
    file: reading.variables,
    found: reading.data,
    error: reading.error,
    isReading: reading.isPending,
    dismiss: reading.reset,
  };
}
