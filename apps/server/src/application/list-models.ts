import type { InstalledModel, ModelStore } from './model-ports.ts';

export type ListModels = () => Promise<readonly InstalledModel[]>;

/** Lists the installed models by name, those of the project first. */
export function createListModels({ store }: { readonly store: ModelStore }): ListModels {
  return () => store.list();
}
