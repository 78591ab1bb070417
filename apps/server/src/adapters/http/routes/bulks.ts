import fastifyMultipart from '@fastify/multipart';
import {
  type Bulk as ApiBulk,
  type BulkPlan as ApiPlan,
  type BulkQuery,
  bulkPageSchema,
  bulkPlanSchema,
  bulkQuerySchema,
  bulkRowPageSchema,
  bulkSchema,
  idParamsSchema,
  listBulkRowsQuerySchema,
  listBulksQuerySchema,
} from '@imagemill/api';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AssetUrls } from '../../../application/asset-urls.ts';
import type { BulkOf, BulkPlan, BulkRecord, ManageBulks, NewBulk } from '../../../application/manage-bulks.ts';
import type { PictureStore } from '../../../application/ports.ts';
import type { Asset } from '../../../domain/asset.ts';
import type { BulkFormat, RowProblem } from '../../../domain/bulk.ts';
import { AppError } from '../../../domain/errors.ts';
import { bulkId } from '../../../domain/ids.ts';
import type { App } from '../app-type.ts';
import { archiveOf, manifestOf } from '../bulk-results.ts';
import { json, problems } from '../openapi.ts';
import { presentNotice } from '../present-notice.ts';
import { originOf } from '../presenting.ts';
import { askerOf, callerOf, tenantOf } from '../tenant.ts';
import { fileNameOf, uploadedBytes } from '../uploaded-file.ts';

export interface BulkRoutePorts {
  readonly bulks: ManageBulks;
  readonly pictures: PictureStore;
  readonly assetUrls: Pick<AssetUrls, 'urlOf'>;
  /** Largest file, in bytes. */
  readonly maxBulkBytes: number;
}

const tags = ['bulks'];
const read = { permission: 'generations:read' } as const;

export function addBulkRoutes(app: App, ports: BulkRoutePorts): void {
  const { bulks } = ports;
  app.get(
    '/v1/bulks',
    {
      config: read,
      schema: {
        operationId: 'listBulks',
        summary: 'Bulks, newest first',
        tags,
        querystring: listBulksQuerySchema,
        response: { 200: json('One page', bulkPageSchema), ...problems(422) },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const after = cursor === undefined ? undefined : bulkId(cursor);
      const found = await bulks.list({ tenantId: tenantOf(request), limit: limit + 1, after });
      const items = found.slice(0, limit);
      return { items: items.map(present), nextCursor: found.length > limit ? items.at(-1)?.bulk.id : undefined };
    },
  );

  app.get(
    '/v1/bulks/:id',
    {
      config: read,
      schema: {
        operationId: 'getBulk',
        summary: 'How far a bulk is',
        tags,
        params: idParamsSchema,
        response: { 200: json('The bulk', bulkSchema), ...problems(404, 422) },
      },
    },
    async (request) => present(await bulks.get(bulkOf(request))),
  );

  app.post(
    '/v1/bulks/:id/cancel',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'cancelBulk',
        summary: 'Read no more rows, and cancel all that has not ended',
        tags,
        params: idParamsSchema,
        response: { 200: json('The bulk', bulkSchema), ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => present(await bulks.cancel(bulkOf(request))),
  );

  addPauseRoutes(app, ports);
  addResultRoutes(app, ports);
  const upload: FastifyPluginAsync = async (scope) => {
    await scope.register(fastifyMultipart, {
      limits: { files: 1, fields: 4, fieldSize: 1_000, headerPairs: 20, fileSize: Number.MAX_SAFE_INTEGER },
    });
    addUploadRoute(scope as unknown as App, ports);
  };
  void app.register(upload);
}

function addPauseRoutes(app: App, { bulks }: BulkRoutePorts): void {
  const write = { permission: 'generations:write' } as const;
  const response = { 200: json('The bulk', bulkSchema), ...problems(404, 413, 415, 422, 507) };
  app.post(
    '/v1/bulks/:id/pause',
    {
      config: write,
      schema: {
        operationId: 'pauseBulk',
        summary: 'Read no more rows and hold back what waits, until it is resumed',
        description: 'What is being drawn is finished. A bulk that has ended stays as it is.',
        tags,
        params: idParamsSchema,
        response,
      },
    },
    async (request) => present(await bulks.pause(bulkOf(request))),
  );
  app.post(
    '/v1/bulks/:id/resume',
    {
      config: write,
      schema: {
        operationId: 'resumeBulk',
        summary: 'Let a paused bulk go on',
        tags,
        params: idParamsSchema,
        response,
      },
    },
    async (request) => present(await bulks.resume(bulkOf(request))),
  );
}

function addUploadRoute(app: App, { bulks, maxBulkBytes }: BulkRoutePorts): void {
  app.post(
    '/v1/bulks',
    {
      config: { permission: 'generations:write' },
      // The stream is bounded while it is read; the plug-in's own bound would be that of JSON bodies.
      bodyLimit: maxBulkBytes + 65_536,
      schema: {
        operationId: 'createBulk',
        summary: 'Draw the rows of a file',
        description:
          'multipart/form-data with one file in the field "file": CSV with a header, JSON lines or an .xlsx workbook, by the ending of its name. The columns width, height, seed, steps, count, guidanceScale, negativePrompt, model, format and quality override the query for their row. Answers as soon as the file is kept; wrong rows are reported by line, the rest is drawn with the priority bulk.',
        tags,
        consumes: ['multipart/form-data'],
        querystring: bulkQuerySchema,
        response: {
          200: json('What it would be, for dryRun=true', bulkPlanSchema),
          201: json('Under way', bulkSchema),
          ...problems(404, 413, 415, 422, 507),
        },
      },
    },
    async (request, reply) => {
      const input = await newBulk(request, request.query);
      if (request.query.dryRun) return reply.code(200).send(presentPlan(await bulks.plan(input)));
      const bulk = present(await bulks.create(input));
      return reply.code(201).header('location', bulk.links.self).send(bulk);
    },
  );
}

function addResultRoutes(app: App, { bulks, pictures, assetUrls }: BulkRoutePorts): void {
  app.get(
    '/v1/bulks/:id/rows',
    {
      config: read,
      schema: {
        operationId: 'listBulkRows',
        summary: 'What became of the rows, by line',
        tags,
        params: idParamsSchema,
        querystring: listBulkRowsQuerySchema,
        response: { 200: json('One page', bulkRowPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor: afterLine, state } = request.query;
      const found = await bulks.rows({ ...bulkOf(request), afterLine, limit: limit + 1, state });
      const items = found.slice(0, limit);
      return {
        items: items.map(({ line, state: rowState, generationId, problem }) => ({
          ...{ line, state: rowState, generationId },
          ...(problem && presentProblem(problem)),
        })),
        nextCursor: found.length > limit ? String(items.at(-1)?.line) : undefined,
      };
    },
  );

  app.get(
    '/v1/bulks/:id/manifest.csv',
    {
      config: read,
      schema: {
        operationId: 'getBulkManifest',
        summary: 'All pictures as a table',
        tags,
        params: idParamsSchema,
        response: { 200: file('text/csv', 'One line a picture'), ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const results = await bulks.results(bulkOf(request));
      const origin = originOf(request);
      const mayRead = callerOf(request).permissions.has('assets:read');
      const urlOf = (asset: Asset): string =>
        mayRead ? assetUrls.urlOf(asset, origin) : `${origin}/v1/assets/${asset.id}`;
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', attachment(request, 'csv'))
        .send(manifestOf(results, urlOf) as never);
    },
  );

  app.get(
    '/v1/bulks/:id/pictures.zip',
    {
      config: { permission: 'assets:read' },
      schema: {
        operationId: 'getBulkPictures',
        summary: 'All pictures that are there, as a ZIP archive',
        tags,
        params: idParamsSchema,
        response: { 200: file('application/zip', 'Named by line and index'), ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const results = await bulks.results(bulkOf(request));
      const archive = archiveOf(results, pictures);
      return reply
        .type('application/zip')
        .header('content-disposition', attachment(request, 'zip'))
        .send(archive as never);
    },
  );
}

function file(type: string, description: string) {
  return { description, content: { [type]: { schema: z.string().meta({ format: 'binary' }) } } };
}

function attachment(request: { readonly params: { readonly id: string } }, ending: string): string {
  return `attachment; filename="bulk-${request.params.id}.${ending}"`;
}

function bulkOf(request: Pick<FastifyRequest, 'caller'> & { readonly params: { readonly id: string } }): BulkOf {
  return { tenantId: tenantOf(request), id: bulkId(request.params.id) };
}

async function newBulk(request: FastifyRequest, query: BulkQuery): Promise<NewBulk> {
  const part = request.isMultipart() ? await request.file() : undefined;
  const name = part === undefined ? '' : fileNameOf(part);
  if (part === undefined) {
    const expected = 'multipart/form-data with one file in the field "file" that ends in .csv, .tsv, .jsonl or .xlsx';
    const message = `There is no such file in the request; ${expected} is expected.`;
    throw new AppError('validation_failed', message, {
      fields: [{ field: 'file', code: 'required', message, expected }],
    });
  }
  const format = FORMATS[/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''];
  if (format === undefined) {
    part.file.resume();
    throw new AppError('bulk_file_invalid', 'The name of the file ends in none of .csv, .tsv, .jsonl and .xlsx.');
  }
  const asker = askerOf(request);
  const { dryRun: _dryRun, unchangedSince, ...settings } = query;
  return {
    ...{ ...asker, keyId: asker.keyId, name: name.slice(0, 200), format, bytes: uploadedBytes(part.file) },
    settings: { ...settings, unchangedSince: unchangedSince === undefined ? undefined : bulkId(unchangedSince) },
  };
}

function present({ bulk, counts }: BulkRecord): ApiBulk {
  const { id, name, state, createdAt, note } = bulk;
  const { submitted, unchanged, broken, open, pictures } = counts;
  const self = `/v1/bulks/${id}`;
  const shown = state === 'submitted' ? (open > 0 ? 'running' : 'finished') : state;
  return {
    ...{ id, name, state: shown, pictures, openGenerations: open },
    note: note && presentNotice(note),
    createdAt: new Date(createdAt).toISOString(),
    rows: { submitted, unchanged, broken },
    links: { self, rows: `${self}/rows`, manifest: `${self}/manifest.csv`, pictures: `${self}/pictures.zip` },
  };
}

function presentPlan({ deviceMs, ...plan }: BulkPlan): ApiPlan {
  const broken = plan.broken.map(({ line, problem }) => ({ line, ...presentProblem(problem) }));
  return { ...plan, broken, deviceSeconds: Math.round(deviceMs) / 1_000 };
}

function presentProblem({
  message,
  code,
  details,
  fields,
}: RowProblem): Pick<ApiPlan['broken'][number], 'problem' | 'fault'> {
  return { problem: message, fault: { code, details, fields } };
}

/** By the ending of a file's name. */
const FORMATS: Readonly<Record<string, BulkFormat>> = { csv: 'csv', tsv: 'csv', jsonl: 'jsonl', xlsx: 'xlsx' };
