import type { FastifyRequest } from 'fastify';
import type { AssetUrls } from '../../../application/asset-urls.ts';
import type { GenerationRecord, PictureStore } from '../../../application/ports.ts';
import { readPicture } from '../../../application/read-source.ts';
import type { Asset } from '../../../domain/asset.ts';
import { AppError } from '../../../domain/errors.ts';
import type { Generation } from '../../../domain/generation.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import { originOf } from '../presenting.ts';
import { DrawingFailed } from './errors.ts';
import type { ImageRequest, ImagesAnswer, Usage } from './schema.ts';

export interface AnswerPorts {
  readonly pictures: PictureStore;
  readonly assetUrls: Pick<AssetUrls, 'urlOf'>;
}

/** How a client wants its pictures: models of the name dall-e-* answer with addresses, others with the bytes. */
export function wantsUrl({ response_format, model }: Pick<ImageRequest, 'response_format' | 'model'>): boolean {
  return (response_format ?? (model?.startsWith('dall-e-') === true ? 'url' : 'b64_json')) === 'url';
}

/** The answer to a generation that has ended. @throws DrawingFailed when there is no picture */
export async function answerOfRecord(
  { generation, jobs }: GenerationRecord,
  { body, model, request }: { body: ImageRequest; model: ModelFacts; request: FastifyRequest },
  ports: AnswerPorts,
): Promise<ImagesAnswer> {
  const assets = jobs.flatMap(({ asset }) => asset ?? []);
  if (assets.length === 0) throw noPicture(jobs);
  const asUrl = wantsUrl(body);
  const data = [];
  for (const asset of assets) {
    const url = asUrl ? ports.assetUrls.urlOf(asset, originOf(request)) : undefined;
    data.push(url === undefined ? { b64_json: await base64Of(asset, ports) } : { url });
  }
  return answerWith({ generation, assets }, { body, model, data });
}

/** The answer around the pictures. */
export function answerWith(
  { generation, assets }: { generation: Generation; assets: readonly Asset[] },
  { body, model, data }: Pick<ImagesAnswer, 'data'> & { body: ImageRequest; model: Pick<ModelFacts, 'grain'> },
): ImagesAnswer {
  return {
    ...describe(generation, body),
    created: seconds(generation.createdAt),
    data,
    usage: usageOf(generation, model, assets),
  };
}

/** What is said of every picture of a generation. */
export function describe({ width, height, format }: Generation, { quality }: ImageRequest) {
  return { background: 'opaque', output_format: format, size: `${width}x${height}`, quality } as const;
}

export function usageOf(generation: Generation, { grain }: Pick<ModelFacts, 'grain'>, assets: readonly Asset[]): Usage {
  const patches = (size: { width: number; height: number }): number =>
    Math.ceil(size.width / grain) * Math.ceil(size.height / grain);
  const text = Math.ceil(Buffer.byteLength(generation.prompt) / 4);
  const image = generation.image === undefined ? 0 : patches(generation);
  const output = assets.reduce((sum, asset) => sum + patches(asset), 0);
  return {
    total_tokens: text + image + output,
    input_tokens: text + image,
    output_tokens: output,
    input_tokens_details: { text_tokens: text, image_tokens: image },
  };
}

export async function base64Of(asset: Asset, { pictures }: AnswerPorts): Promise<string> {
  const bytes = await readPicture(pictures, asset.sha256);
  if (bytes === undefined) throw new AppError('storage_failed', `The file of the picture ${asset.id} is not there.`);
  return Buffer.from(bytes).toString('base64');
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

export function noPicture(jobs: GenerationRecord['jobs']): DrawingFailed {
  const fault = jobs.map(({ job }) => job.lastFault).find((one) => one !== undefined);
  const cancelled = { code: 'cancelled', message: 'The request was cancelled.', details: {}, retryable: false };
  return new DrawingFailed(fault ?? cancelled);
}
