import { timestamp } from './info.ts';
import type { Drawing } from './key-state.ts';

/** How far the oldest drawing of a key is; the shape of A1111 when nothing is drawn. */
export function progressOf(
  drawings: Iterable<Drawing>,
  now: number,
  withImage: boolean,
): Readonly<Record<string, unknown>> {
  const [drawing] = drawings;
  if (drawing === undefined) return answer(undefined, { progress: 0, eta: 0, image: null });
  const { progress, eta } = shareOf(drawing, now);
  const image =
    withImage && drawing.preview !== undefined ? Buffer.from(drawing.preview.image).toString('base64') : null;
  return answer(drawing, { progress, eta, image });
}

/** Share of the steps, and seconds until the end at the pace so far. */
export function shareOf(
  { generations, steps, startedAt }: Drawing,
  now: number,
): { readonly progress: number; readonly eta: number } {
  const done = [...steps.values()].reduce((sum, step) => sum + step, 0);
  // Below 1 until the pictures are there.
  const all = generations.reduce((sum, generation) => sum + generation.count * generation.steps, 0);
  const progress = Math.min(0.99, done / all);
  const seconds = (now - startedAt) / 1_000;
  return { progress, eta: progress === 0 ? 0 : seconds / progress - seconds };
}

function answer(
  drawing: Drawing | undefined,
  { progress, eta, image }: { readonly progress: number; readonly eta: number; readonly image: string | null },
): Readonly<Record<string, unknown>> {
  const steps = drawing?.generations[0].steps ?? 0;
  const done = [...(drawing?.steps.values() ?? [])];
  const finished = done.filter((step) => step === steps).length;
  const current = done.find((step) => step < steps) ?? 0;
  return {
    progress,
    eta_relative: eta,
    state: {
      skipped: false,
      interrupted: drawing?.isInterrupted ?? false,
      stopping_generation: drawing?.isInterrupted ?? false,
      job: drawing === undefined ? '' : (drawing.taskId ?? drawing.generations[0].id),
      job_count: drawing?.generations.reduce((sum, { count }) => sum + count, 0) ?? 0,
      job_timestamp: drawing === undefined ? '0' : timestamp(drawing.startedAt),
      job_no: finished,
      sampling_step: current,
      sampling_steps: steps,
    },
    current_image: image,
    textinfo: null,
  };
}
