import type { AssetUrls } from '../../../application/asset-urls.ts';
import type { ManageFiles } from '../../../application/manage-files.ts';
import type { OrderDoor, RequestLine, TextLine } from '../../../application/order-ports.ts';
import type { ModelCatalog } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { OrderError } from '../../../domain/order.ts';
import { hashOfBody } from '../idempotency.ts';
import { validationError } from '../validation.ts';
import { answerWith, noPicture } from './answer.ts';
import { pictureOf, readEditJson } from './edit-form.ts';
import { type EditInputPorts, editInput } from './edit-input.ts';
import { answerOf, type DrawingFailed } from './errors.ts';
import { modelFor } from './models.ts';
import { nativeRequest } from './request-input.ts';
import { type ImageRequest, imageRequestSchema } from './schema.ts';

/** Routes that the lines of a batch may be for. */
export const batchEndpoints = ['/v1/images/generations', '/v1/images/edits'] as const;

export interface BatchLinePorts extends EditInputPorts {
  readonly files: Pick<ManageFiles, 'open'>;
  readonly maxUploadBytes: number;
  readonly models: ModelCatalog;
  readonly assetUrls: Pick<AssetUrls, 'urlOf'>;
}

/** Lines of batches as requests to this door. All pictures are answered by address, however they were asked for. */
export function createOrderDoor(ports: BatchLinePorts): OrderDoor {
  const { models, assetUrls } = ports;
  return {
    parse: parseLine,
    async evaluate({ tenantId, endpoint, body }) {
      if (endpoint === '/v1/images/edits') {
        const form = await readEditJson(body, { fileOf: pictureOf(tenantId, ports), maxBytes: ports.maxUploadBytes });
        refuseStream(form.body);
        const model = modelFor(form.body.model, models);
        const { input, hash } = await editInput(form, { tenantId, model, priority: 'bulk' }, ports);
        return { input, bodyHash: hash };
      }
      const parsed = imageRequestSchema.safeParse(body);
      if (!parsed.success) throw validationError(parsed.error, body);
      refuseStream(parsed.data);
      const input = nativeRequest(parsed.data, modelFor(parsed.data.model, models), 'bulk');
      return { input, bodyHash: hashOfBody(body) };
    },
    refusalOf(error) {
      const { status, error: told } = answerOf(error as AppError);
      return { status, body: { error: told } };
    },
    answerOf({ generation, jobs }, { body, origin }) {
      const assets = jobs.flatMap(({ asset }) => asset ?? []);
      if (assets.length === 0) return failed(noPicture(jobs));
      const request = imageRequestSchema.parse(body);
      const data = assets.map((asset) => ({ url: assetUrls.urlOf(asset, origin) }));
      const model = grainOf(generation.model, models);
      const answer = answerWith({ generation, assets }, { body: request, model, data });
      const usage = { inputTokens: answer.usage.input_tokens, outputTokens: answer.usage.output_tokens };
      return { status: 200, body: answer, usage };
    },
  };
}

function failed(reason: DrawingFailed): ReturnType<OrderDoor['answerOf']> {
  const { status, error } = answerOf(reason);
  return { status, body: { error }, usage: { inputTokens: 0, outputTokens: 0 } };
}

/** The model may have gone since it drew. */
function grainOf(name: string, models: ModelCatalog): { readonly grain: number } {
  const entry = models.list().find((one) => one.kind === 'usable' && one.facts.name === name);
  return entry?.kind === 'usable' ? entry.facts : { grain: 16 };
}

function parseLine(source: TextLine, endpoint: string): RequestLine {
  const { line } = source;
  const wrong = (code: string, message: string, param: string | null = null): RequestLine => {
    const error: OrderError = { code, message, param, line };
    return { line, error };
  };
  if ('problem' in source) {
    return source.problem === 'too_long'
      ? wrong('line_too_long', 'The line has more than 1,048,576 bytes.')
      : wrong('invalid_json_line', 'The line is not UTF-8.');
  }
  const request = parseObject(source.text);
  if (request === undefined) return wrong('invalid_json_line', 'The line is not a JSON object.');
  const { custom_id: customId, method, url, body } = request;
  if (typeof customId !== 'string' || customId === '' || customId.length > MAX_CUSTOM_ID) {
    const code = customId === undefined ? 'missing_required_parameter' : 'invalid_custom_id';
    return wrong(code, `custom_id must be text of 1 to ${MAX_CUSTOM_ID} characters.`, 'custom_id');
  }
  if (method !== 'POST') return wrong('invalid_method', 'method must be POST.', 'method');
  if (url !== endpoint) return wrong('invalid_url', `url must be ${endpoint}, as the batch says.`, 'url');
  if (!isObject(body)) return wrong('missing_required_parameter', 'body must be a JSON object.', 'body');
  return { line, customId, body };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuseStream({ stream }: ImageRequest): void {
  if (!stream) return;
  const message = 'A line of a batch cannot be answered as a stream.';
  const fault = { field: 'stream', code: 'invalid_value' as const, message, expected: 'false' };
  throw new AppError('validation_failed', message, { fields: [fault] });
}

const MAX_CUSTOM_ID = 512;
