import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { DiffusionError } from '../errors.ts';
import type { Pixels } from '../families/z-image/pipeline.ts';

/** How a model that scores pictures wants to see them, and which number of its answer is the score. */
export interface PictureScorerOptions {
  /** An ONNX file with one float input of rank 4. */
  readonly path: string;
  /** Side of the square that pictures are scaled to. */
  readonly size: number;
  /** Taken from each channel after its values were brought to 0 to 1. @default 0 */
  readonly mean?: readonly [number, number, number] | undefined;
  /** What each channel is divided by then. @default 1 */
  readonly std?: readonly [number, number, number] | undefined;
  /** Order of the input: channels before rows, or last. @default 'nchw' */
  readonly layout?: 'nchw' | 'nhwc' | undefined;
  /** Name of the output. @default the first */
  readonly output?: string | undefined;
  /** Which number of the output. @default 0 */
  readonly index?: number | undefined;
  /** Turns the numbers into shares that add up to 1 (`softmax`), or the one into 0 to 1 (`sigmoid`). @default 'none' */
  readonly activation?: 'none' | 'softmax' | 'sigmoid' | undefined;
}

export interface PictureScorer {
  /** Blocks the event loop of the process while it computes. @throws DiffusionError `device_failed` */
  score(pixels: Pixels): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a scoring model on the CPU and tries it on a grey picture, so that one that does not fit is told of now.
 *
 * @throws DiffusionError `device_failed` naming the file and what is wrong with it
 */
export async function openPictureScorer(options: PictureScorerOptions): Promise<PictureScorer> {
  const { path, size } = options;
  const failed = (reason: string, cause?: unknown): DiffusionError =>
    new DiffusionError('device_failed', `The scoring model ${path} cannot be used: ${reason}.`, {
      details: { path, reason },
      ...(cause === undefined ? {} : { cause }),
    });
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 }).catch((error: unknown) => {
    throw failed(error instanceof Error ? error.message : String(error), error);
  });
  const [input] = session.inputNames;
  const output = options.output ?? session.outputNames[0];
  if (input === undefined || output === undefined || !session.outputNames.includes(output)) {
    throw failed(`it has the outputs ${session.outputNames.join(', ')}, not ${String(output)}`);
  }
  const score = async (pixels: Pixels): Promise<number> => {
    const feed = await inputOf(pixels, options);
    try {
      const answer = (await session.run({ [input]: feed }))[output];
      const value = answer?.data instanceof Float32Array ? scoreOf(answer.data, options) : undefined;
      if (value !== undefined && Number.isFinite(value)) return value;
    } catch (error) {
      throw failed(error instanceof Error ? error.message : String(error), error);
    }
    throw failed(`its output ${output} has no finite number at ${options.index ?? 0}`);
  };
  await score({ width: size, height: size, data: new Uint8Array(3 * size * size).fill(128) });
  return { score, close: () => session.release() };
}

async function inputOf(pixels: Pixels, options: PictureScorerOptions): Promise<Tensor> {
  const { size, mean = [0, 0, 0], std = [1, 1, 1], layout = 'nchw' } = options;
  const { data, width, height } = pixels;
  const scaled = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(size, size, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  const values = new Float32Array(scaled.length);
  const plane = size * size;
  for (const [at, byte] of scaled.entries()) {
    const channel = at % 3;
    const value = (byte / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    values[layout === 'nchw' ? channel * plane + (at - channel) / 3 : at] = value;
  }
  return new Tensor('float32', values, layout === 'nchw' ? [1, 3, size, size] : [1, size, size, 3]);
}

function scoreOf(values: Float32Array, { index = 0, activation = 'none' }: PictureScorerOptions): number | undefined {
  const value = values[index];
  if (value === undefined || activation === 'none') return value;
  if (activation === 'sigmoid') return 1 / (1 + Math.exp(-value));
  const highest = Math.max(...values);
  const sum = values.reduce((total, one) => total + Math.exp(one - highest), 0);
  return Math.exp(value - highest) / sum;
}
