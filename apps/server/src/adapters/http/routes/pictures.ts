import { Readable } from 'node:stream';
import {
  type Picture as ApiPicture,
  archiveRequestSchema,
  listPicturesQuerySchema,
  markPicturesRequestSchema,
  markPicturesResultSchema,
  picturePageSchema,
} from '@imagemill/api';
import { z } from 'zod';
import type { GalleryReader, PictureRecord } from '../../../application/gallery-ports.ts';
import type { ListPictures } from '../../../application/list-pictures.ts';
import type { MarkPictures } from '../../../application/mark-pictures.ts';
import type { PictureStore } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import { bulkId, generationId, jobId, type TenantId } from '../../../domain/ids.ts';
import { tenantsNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { type PresentPorts, presentAsset } from '../present.ts';
import { assetUrlsFor } from '../presenting.ts';
import { tenantOf } from '../tenant.ts';
import { zipOf } from '../zip.ts';

export interface PictureRoutePorts {
  readonly listPictures: ListPictures;
  readonly markPictures: MarkPictures;
  readonly gallery: GalleryReader;
  readonly pictures: PictureStore;
  readonly assetUrls: PresentPorts['assetUrls'];
}

export function addPictureRoutes(app: App, ports: PictureRoutePorts): void {
  app.get(
    '/v1/pictures',
    {
      config: { permission: 'assets:read' },
      schema: {
        operationId: 'listPictures',
        summary: 'The gallery: pictures that were drawn, newest first',
        tags: ['pictures'],
        querystring: listPicturesQuerySchema,
        response: { 200: json('One page', picturePageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { cursor, since, until, starred, generationId: of, bulkId: bulk, tenant, ...filter } = request.query;
      const { items, next } = await ports.listPictures({
        ...filter,
        tenantId: tenantsNamed(request, tenant),
        after: cursor === undefined ? undefined : jobId(cursor),
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        isStarred: starred,
        generationId: of === undefined ? undefined : generationId(of),
        bulkId: bulk === undefined ? undefined : bulkId(bulk),
      });
      const assetUrls = assetUrlsFor(request, ports.assetUrls);
      return { items: items.map((one) => presentPicture(one, assetUrls, tenantOf(request))), nextCursor: next };
    },
  );

  app.post(
    '/v1/pictures/mark',
    {
      config: { permission: 'assets:write' },
      schema: {
        operationId: 'markPictures',
        summary: 'Star, tag, take out of the gallery, bring back',
        description: 'What is left out stays as it is. Records and bytes of pictures that are taken out stay.',
        tags: ['pictures'],
        body: markPicturesRequestSchema,
        response: { 200: json('How many', markPicturesResultSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { ids, starred: isStarred, deleted: isDeleted, addTags, removeTags } = request.body;
      const change = { isStarred, isDeleted, addTags, removeTags };
      const marked = await ports.markPictures({ ...change, tenantId: tenantOf(request), ids: ids.map(jobId) });
      return { marked };
    },
  );

  addArchiveRoute(app, ports);
}

function addArchiveRoute(app: App, { gallery, pictures }: PictureRoutePorts): void {
  const zip = { schema: z.string().meta({ format: 'binary' }) };
  app.post(
    '/v1/pictures/archive',
    {
      config: { permission: 'assets:read' },
      schema: {
        operationId: 'archivePictures',
        summary: 'Pictures as one ZIP file, streamed',
        tags: ['pictures'],
        body: archiveRequestSchema,
        response: {
          200: { description: 'The ZIP file', content: { 'application/zip': zip } },
          ...problems(404, 413, 415, 422),
        },
      },
    },
    async (request, reply) => {
      const found = await gallery.find(tenantOf(request), request.body.ids.map(jobId));
      if (found.length === 0) throw new AppError('asset_not_found', 'None of these pictures is in the gallery.');
      const sizeBytes = found.reduce((sum, { asset }) => sum + asset.sizeBytes, 0);
      if (sizeBytes > MOST_BYTES) throw tooLarge(sizeBytes);
      const entries = found.map(({ job, asset }) => ({
        name: `${asset.id}-${job.seed}.${asset.mediaType.replace('image/', '')}`,
        changedAt: job.finishedAt,
        open: () => pictures.open(asset.sha256),
      }));
      reply.header('content-disposition', 'attachment; filename="imagemill.zip"');
      return reply.type('application/zip').send(Readable.from(zipOf(entries), { objectMode: false }) as never);
    },
  );
}

/** What a ZIP file without its 64-bit extension holds, less some for names. */
const MOST_BYTES = 4_000_000_000;

function tooLarge(sizeBytes: number): AppError {
  const expected = `pictures of at most ${MOST_BYTES} bytes together`;
  const message = `The pictures have ${sizeBytes} bytes together; ${expected} fit into one file.`;
  return new AppError('validation_failed', message, {
    fields: [{ field: 'ids', code: 'too_big', message, expected }],
  });
}

function presentPicture(
  { job, generation, asset, isStarred, tags }: PictureRecord,
  assetUrls: PresentPorts['assetUrls'],
  own: TenantId,
): ApiPicture {
  const { prompt, negativePrompt, steps, guidanceScale, model, loras, image, mask } = generation;
  return {
    tenant: job.tenantId === own ? undefined : job.tenantId,
    ...{ id: job.id, generationId: generation.id, index: job.index, seed: job.seed },
    createdAt: new Date(job.createdAt).toISOString(),
    ...{ prompt, negativePrompt, steps, guidanceScale, model, loras, image, mask, tags },
    ...{ width: asset.width, height: asset.height, starred: isStarred },
    asset: presentAsset(asset, assetUrls),
    timings: job.timings,
    quality: job.quality,
  };
}
