import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../../shared/storage.ts';
import { type Draft, parseDraft } from './draft.ts';

const storageKey = 'imagemill.draft';

/** The draft, written to the browser's storage at every change so that a closed tab or a crash loses nothing. */
export interface DraftStore {
  get(): Draft;
  update(change: Partial<Draft>): void;
  subscribe(listener: () => void): () => void;
}

export function createDraftStore(): DraftStore {
  let draft = parseDraft(readStored(storageKey));
  const listeners = new Set<() => void>();
  return {
    get: () => draft,
    update(change) {
      draft = { ...draft, ...change };
      writeStored(storageKey, JSON.stringify(draft));
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useDraft(store: DraftStore): Draft {
  return useSyncExternalStore(store.subscribe, store.get);
}
