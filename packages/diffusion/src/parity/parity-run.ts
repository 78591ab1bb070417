import type { ZImagePipeline } from '../families/z-image/pipeline.ts';
import type { Runtime } from '../runtime.ts';
import type { Fixture } from './fixture.ts';
import type { ParityRecorder } from './report.ts';

export interface ParityOptions {
  readonly runtime: Runtime;
  /** Folder with `tokenizer.json`, for fixtures without one of their own. */
  readonly tokenizerFolder?: string | undefined;
  /** Names of the cases to run, such as `tokenizer`, `prompt1`, `dit1`, `lora` (or one of its rows), `batch`, `vae.image`, `pipe0`; a forward needs its prompt. @default all */
  readonly only?: readonly string[];
  readonly onProgress?: (name: string) => void;
}

/** What every case of a fixture uses. */
export interface ParityRun {
  readonly fixture: Fixture;
  readonly recorder: ParityRecorder;
  readonly pipeline: ZImagePipeline;
  readonly options: ParityOptions;
}

/** Shape of a latent in the fixture, `[…, channels, (1,) height, width]`, and its grid of patches. */
export function latentShape(
  fixture: Fixture,
  name: string,
): { shape: readonly number[]; grid: { rows: number; columns: number } } {
  const shape = fixture.ref(name)?.shape ?? [];
  const { patchSize } = fixture.checkpoint.transformer.config;
  const [height = 0, width = 0] = shape.slice(-2);
  return { shape, grid: { rows: height / patchSize, columns: width / patchSize } };
}
