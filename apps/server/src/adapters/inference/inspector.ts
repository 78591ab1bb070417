/**
 * Looks at decoded pictures for the quality gate: inside the engine process, where the raw pixels are and inference;
 * pictures of remote engines, where they are decoded.
 */
import type { EngineNotice, Pixels } from '@imagemill/diffusion';
import { openPictureScorer, type PictureScorer } from '@imagemill/diffusion/onnxruntime';
import type { PictureMeasures } from '../../domain/quality/measures.ts';
import type { EngineEvent, Scorers } from './engine-protocol.ts';
import { measurePicture } from './measure-picture.ts';

export interface Inspector {
  /** Measures a picture. @throws DiffusionError of the safety model */
  readonly measure: (pixels: Pixels) => Promise<PictureMeasures>;
  /** Measures a picture and remembers the result until it is taken. @throws DiffusionError of the safety model */
  readonly inspect: (id: string, pixels: Pixels) => Promise<void>;
  /** The measures of a picture that was told of as finished; undefined for any other notice. */
  take(notice: EngineNotice, id: string): PictureMeasures | undefined;
  close(): Promise<void>;
}

/** @throws DiffusionError `device_failed` when a scoring model cannot be used */
export async function openInspector(
  options: Scorers | undefined,
  emit: (event: EngineEvent) => void,
): Promise<Inspector> {
  const scorers = new Map<keyof Scorers, PictureScorer>();
  for (const kind of ['unsafe', 'aesthetic'] as const) {
    const model = options?.[kind];
    if (model !== undefined) scorers.set(kind, await openPictureScorer(model));
  }
  const found = new Map<string, PictureMeasures>();
  const inspector: Inspector = {
    async measure(pixels) {
      const scores: { unsafe?: number; aesthetic?: number } = {};
      for (const [kind, scorer] of scorers) {
        try {
          scores[kind] = await scorer.score(pixels);
        } catch (error) {
          // A picture that cannot be checked for safety must not get through; for the rest a score is a nicety.
          if (kind === 'unsafe') throw error;
          const { message } = error as Error;
          emit({ type: 'log', level: 'error', message: 'a picture could not be scored', fields: { kind, message } });
        }
      }
      return { ...measurePicture(pixels), ...scores };
    },
    async inspect(id, pixels) {
      found.set(id, await inspector.measure(pixels));
    },
    take({ type }, id) {
      const measures = found.get(id);
      if (type === 'finished' || type === 'failed' || type === 'cancelled') found.delete(id);
      return type === 'finished' ? measures : undefined;
    },
    async close() {
      for (const scorer of scorers.values()) await scorer.close();
    },
  };
  return inspector;
}
