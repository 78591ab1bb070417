import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ManageFiles, StagedFile } from '../../../application/manage-files.ts';
import { AppError } from '../../../domain/errors.ts';
import { fileId } from '../../../domain/ids.ts';
import { type FilePurpose, filePurposes, type KeptFile } from '../../../domain/kept-file.ts';
import { actOf } from '../administration.ts';
import { json } from '../openapi.ts';
import { tenantOf } from '../tenant.ts';
import { fileNameOf, uploadedBytes } from '../uploaded-file.ts';
import { validationError } from '../validation.ts';
import { seconds } from './answer.ts';
import { openAiProblems } from './errors.ts';
import { fileDeletedSchema, filePageSchema, fileSchema } from './file-schema.ts';

export interface FileRoutePorts {
  readonly files: ManageFiles;
  /** Largest file, in bytes. */
  readonly maxFileBytes: number;
}

const read = { permission: 'generations:read' } as const;
const write = { permission: 'generations:write' } as const;
const tags = ['openai'];
const params = z.object({ file_id: z.string().max(100) });

/** OpenAI's Files API. */
export function addFileRoutes(app: FastifyInstance, ports: FileRoutePorts): void {
  const { files } = ports;
  addUploadRoute(app, ports);
  app.get<{ Querystring: FileListQuery }>(
    '/v1/files',
    {
      config: read,
      schema: {
        operationId: 'openaiListFiles',
        summary: 'OpenAI Files: list',
        tags,
        querystring: listQuerySchema,
        response: { 200: json('One page', filePageSchema), ...openAiProblems },
      },
    },
    async (request) => {
      const { limit, order, purpose, after } = request.query;
      const tenantId = tenantOf(request);
      const from = after === undefined ? undefined : fileId(after);
      const found = await files.list({ tenantId, limit: limit + 1, order, purpose, after: from });
      return pageOf(found.map(presentFile), limit);
    },
  );
  app.get<FileParams>(
    '/v1/files/:file_id',
    {
      config: read,
      schema: {
        operationId: 'openaiGetFile',
        summary: 'OpenAI Files: one file',
        tags,
        params,
        response: { 200: json('The file', fileSchema), ...openAiProblems },
      },
    },
    async (request) => presentFile(await files.get(fileOf(request))),
  );
  app.delete<FileParams>(
    '/v1/files/:file_id',
    {
      config: write,
      schema: {
        operationId: 'openaiDeleteFile',
        summary: 'OpenAI Files: delete, unless a batch needs it',
        tags,
        params,
        response: { 200: json('It is gone', fileDeletedSchema), ...openAiProblems },
      },
    },
    async (request) => {
      const { id } = fileOf(request);
      await files.remove(actOf(request), id);
      return { id, object: 'file', deleted: true };
    },
  );
  addContentRoute(app, ports);
}

interface FileParams {
  readonly Params: { readonly file_id: string };
}

function addContentRoute(app: FastifyInstance, { files }: FileRoutePorts): void {
  app.get<FileParams>(
    '/v1/files/:file_id/content',
    {
      // The answers of a batch have addresses that open pictures.
      config: { permission: 'assets:read' },
      schema: {
        operationId: 'openaiGetFileContent',
        summary: 'OpenAI Files: the bytes',
        tags,
        params,
        response: {
          200: { description: 'The bytes', content: { 'application/octet-stream': { schema: z.string() } } },
          ...openAiProblems,
        },
      },
    },
    async (request, reply) => {
      const { file, bytes } = await files.open(fileOf(request));
      return reply
        .type('application/octet-stream')
        .header('content-length', file.sizeBytes)
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`)
        .send(bytes);
    },
  );
}

function addUploadRoute(app: FastifyInstance, { files, maxFileBytes }: FileRoutePorts): void {
  app.post(
    '/v1/files',
    {
      config: write,
      // The stream is bounded while it is read.
      bodyLimit: maxFileBytes + 65_536,
      schema: {
        operationId: 'openaiUploadFile',
        summary: 'OpenAI Files: upload requests for a batch',
        tags,
        consumes: ['multipart/form-data'],
        response: { 200: json('The file', fileSchema), ...openAiProblems },
      },
    },
    async (request) => {
      const { staged, fields } = await readUpload(request, files);
      const parsed = uploadFieldsSchema.safeParse(fields);
      if (parsed.success && staged !== undefined) {
        const { purpose, seconds: keep } = parsed.data;
        const keepMs = keep === undefined ? undefined : keep * 1_000;
        return presentFile(await files.keep(actOf(request), { staged, purpose, keepMs }));
      }
      if (staged !== undefined) await files.discard(staged);
      if (!parsed.success) throw validationError(parsed.error, fields);
      const message = 'There is no file in the request: the field file is missing.';
      const fault = { field: 'file', code: 'required' as const, message, expected: 'a file' };
      throw new AppError('validation_failed', message, { fields: [fault] });
    },
  );
}

async function readUpload(
  request: FastifyRequest,
  files: ManageFiles,
): Promise<{ readonly staged: StagedFile | undefined; readonly fields: Record<string, unknown> }> {
  const fields: Record<string, unknown> = {};
  let staged: StagedFile | undefined;
  if (!request.isMultipart()) return { staged, fields };
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') fields[part.fieldname.replace(/^expires_after\[(\w+)\]$/, '$1')] = part.value;
      else if (staged === undefined) {
        // Cut between whole characters.
        const name = [...fileNameOf(part)].slice(0, 255).join('') || 'file';
        staged = await files.stage({ tenantId: tenantOf(request), name, bytes: uploadedBytes(part.file) });
      } else part.file.resume();
    }
  } catch (error) {
    if (staged !== undefined) await files.discard(staged);
    throw error;
  }
  return { staged, fields };
}

const uploadFieldsSchema = z.object({
  purpose: z.enum(['batch', 'vision', 'user_data']),
  anchor: z.literal('created_at').optional(),
  seconds: z.coerce.number().pipe(z.int().min(3_600).max(2_592_000)).optional(),
});

const listQuerySchema = z.object({
  limit: z.coerce.number().pipe(z.int().min(1).max(10_000)).default(1_000),
  order: z.enum(['asc', 'desc']).default('desc'),
  purpose: z.enum(filePurposes).optional(),
  after: z.string().max(100).optional(),
});
type FileListQuery = z.output<typeof listQuerySchema>;

function fileOf(request: FastifyRequest<FileParams>) {
  return { tenantId: tenantOf(request), id: fileId(request.params.file_id) };
}

function presentFile(file: KeptFile) {
  return {
    id: file.id,
    object: 'file' as const,
    bytes: file.sizeBytes,
    created_at: seconds(file.createdAt),
    expires_at: seconds(file.expiresAt),
    filename: file.name,
    purpose: file.purpose satisfies FilePurpose,
    status: 'processed' as const,
  };
}

/** A page as OpenAI's clients read it, of one item more than it may have. */
export function pageOf<T extends { readonly id: string }>(found: readonly T[], limit: number) {
  const data = found.slice(0, limit);
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: found.length > limit,
  };
}
