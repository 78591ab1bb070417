import fastifyMultipart from '@fastify/multipart';
import { assetSchema } from '@imagemill/api';
import type { FastifyPluginAsync } from 'fastify';
import type { UploadAsset } from '../../../application/upload-asset.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { type PresentPorts, presentAsset } from '../present.ts';
import { assetUrlsFor } from '../presenting.ts';
import { tenantOf } from '../tenant.ts';
import { readBounded, uploadedFile } from '../uploaded-file.ts';

export interface UploadPorts {
  readonly uploadAsset: UploadAsset;
  /** Largest picture, in bytes. */
  readonly maxUploadBytes: number;
}

export interface UploadRoutePorts {
  readonly uploads: UploadPorts;
  readonly assetUrls: PresentPorts['assetUrls'];
}

export function addUploadRoute(app: App, ports: UploadRoutePorts): void {
  const upload: FastifyPluginAsync = async (scope) => {
    await scope.register(fastifyMultipart, {
      limits: { files: 1, fields: 4, fieldSize: 1_000, headerPairs: 20, fileSize: Number.MAX_SAFE_INTEGER },
    });
    addRoute(scope as unknown as App, ports);
  };
  void app.register(upload);
}

function addRoute(app: App, { uploads, assetUrls }: UploadRoutePorts): void {
  const { uploadAsset, maxUploadBytes } = uploads;
  app.post(
    '/v1/assets',
    {
      config: { permission: 'assets:write' },
      bodyLimit: maxUploadBytes + 65_536,
      schema: {
        operationId: 'uploadAsset',
        summary: 'Store a picture to draw from',
        description:
          'multipart/form-data with one PNG, JPEG or WebP file in the field "file". Its id goes into image.assetId or mask.assetId of a generation. The same bytes again give the same asset.',
        tags: ['assets'],
        consumes: ['multipart/form-data'],
        response: { 201: json('Stored', assetSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const part = await uploadedFile(request);
      const bytes = await readBounded(part.file, maxUploadBytes);
      const asset = await uploadAsset({ tenantId: tenantOf(request), bytes });
      const shown = presentAsset(asset, assetUrlsFor(request, assetUrls));
      return reply.code(201).header('location', `/v1/assets/${asset.id}`).send(shown);
    },
  );
}
