import fastifyMultipart from '@fastify/multipart';
import { inspectionSchema } from '@imagemill/api';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { InspectPicture } from '../../../application/inspect-picture.ts';
import { AppError } from '../../../domain/errors.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { type PresentPorts, presentAsset } from '../present.ts';
import { assetUrlsFor } from '../presenting.ts';
import { tenantOf } from '../tenant.ts';

/** A file is held in memory while it is read; 64 MiB are a picture of 16 megapixels that PNG could not make smaller. */
const MAX_BYTES = 67_108_864;

export interface InspectRoutePorts {
  readonly inspectPicture: InspectPicture;
}

export function addInspectRoute(
  app: App,
  { inspectPicture, assetUrls }: InspectRoutePorts & Pick<PresentPorts, 'assetUrls'>,
): void {
  const upload: FastifyPluginAsync = async (scope) => {
    await scope.register(fastifyMultipart, {
      limits: { files: 1, fields: 4, fieldSize: 1_000, headerPairs: 20, fileSize: MAX_BYTES },
      throwFileSizeLimit: false,
    });
    (scope as unknown as App).post(
      '/v1/assets/inspect',
      {
        config: { permission: 'assets:read' },
        bodyLimit: MAX_BYTES + 65_536,
        schema: {
          operationId: 'inspectPicture',
          summary: 'Read back how a picture was made',
          description:
            'multipart/form-data with one PNG, JPEG or WebP file in the field "file": one that this server returned, or one of AUTOMATIC1111, ComfyUI, InvokeAI or SwarmUI. Nothing is kept, and pixels are not decoded.',
          tags: ['assets'],
          consumes: ['multipart/form-data'],
          response: { 200: json('What the file says', inspectionSchema), ...problems(413, 415, 422) },
        },
      },
      async (request) => {
        const bytes = await uploadedBytes(request);
        const { asset, ...inspected } = await inspectPicture({ tenantId: tenantOf(request), bytes });
        return { ...inspected, asset: asset && presentAsset(asset, assetUrlsFor(request, assetUrls)) };
      },
    );
  };
  void app.register(upload);
}

async function uploadedBytes(request: FastifyRequest): Promise<Uint8Array> {
  const part = request.isMultipart() ? await request.file() : undefined;
  if (part === undefined) {
    const expected = 'multipart/form-data with one file in the field "file"';
    const message = `There is no file in the request; ${expected} is expected.`;
    throw new AppError('validation_failed', message, {
      fields: [{ field: 'file', code: 'required', message, expected }],
    });
  }
  const bytes = await part.toBuffer();
  if (!part.file.truncated) return bytes;
  const message = `The file is larger than the ${MAX_BYTES} bytes that are inspected.`;
  throw new AppError('upload_too_large', message, { details: { maxBytes: MAX_BYTES } });
}
