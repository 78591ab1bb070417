/** Families that the engine draws, by the pipeline class that a checkpoint's `model_index.json` names. */
const familyByPipeline: Readonly<Record<string, string>> = { ZImagePipeline: 'z-image' };

/** Pipeline class of a `model_index.json`; undefined when the text is none. */
export function pipelineOf(modelIndex: string): string | undefined {
  let index: unknown;
  try {
    index = JSON.parse(modelIndex);
  } catch {
    return undefined;
  }
  if (typeof index !== 'object' || index === null || !('_class_name' in index)) return undefined;
  return typeof index._class_name === 'string' ? index._class_name : undefined;
}

/** Family of a checkpoint; undefined when it is not one that the engine draws. */
export function familyOf(modelIndex: string): string | undefined {
  const pipeline = pipelineOf(modelIndex);
  return pipeline === undefined ? undefined : familyByPipeline[pipeline];
}
