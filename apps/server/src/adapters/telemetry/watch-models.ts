import type { DrawingEngine, HeldModel } from '../../application/engine-port.ts';

/** Tells of models that came into the memory of an engine or left it; the result ends it. */
export function watchModels(
  engine: Pick<DrawingEngine, 'onChange'>,
  on: { loaded(device: string, modelPath: string): void; evicted(device: string, modelPath: string): void },
): () => void {
  let held = new Map<string, string>();
  return engine.onChange(({ device, models }) => {
    const now = new Map(
      models.filter(({ state }) => state === 'loaded').map((model) => [keyOf(model), model.modelPath]),
    );
    for (const [key, path] of now) if (!held.has(key)) on.loaded(device, path);
    for (const [key, path] of held) if (!now.has(key)) on.evicted(device, path);
    held = now;
  });
}

function keyOf({ modelPath, precision }: HeldModel): string {
  return `${precision ?? ''} ${modelPath}`;
}
