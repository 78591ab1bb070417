import fastifyMultipart from '@fastify/multipart';
import { type Lora as ApiLora, loraListSchema, loraParamsSchema, loraSchema } from '@imagemill/api';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { LoraLibrary } from '../../../application/lora-ports.ts';
import { AppError } from '../../../domain/errors.ts';
import { type Lora, loraNameOf } from '../../../domain/lora.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { presentNotice } from '../present-notice.ts';
import { tenantOf } from '../tenant.ts';
import { fileNameOf, uploadedBytes, uploadedFile } from '../uploaded-file.ts';

export interface LoraRoutePorts {
  readonly loras: LoraLibrary;
  /** Largest upload, in bytes. */
  readonly maxLoraBytes: number;
}

export function addLoraRoutes(app: App, { loras, maxLoraBytes }: LoraRoutePorts): void {
  app.get(
    '/v1/loras',
    {
      config: { permission: 'loras:read' },
      schema: {
        operationId: 'listLoras',
        summary: 'LoRA adapters: those of the installation and your own uploads',
        tags: ['loras'],
        response: { 200: json('All adapters, by name', loraListSchema), ...problems() },
      },
    },
    async (request) => ({ items: loras.list(tenantOf(request)).map(presentLora) }),
  );

  app.get(
    '/v1/loras/:name',
    {
      config: { permission: 'loras:read' },
      schema: {
        operationId: 'getLora',
        summary: 'One LoRA adapter',
        tags: ['loras'],
        params: loraParamsSchema,
        response: { 200: json('The adapter', loraSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { name } = request.params;
      const read = () => loras.list(tenantOf(request)).find((lora) => lora.name === name);
      if (read() === undefined) await loras.refresh();
      const found = read();
      if (found === undefined) throw notFound(name);
      return presentLora(found);
    },
  );

  app.delete(
    '/v1/loras/:name',
    {
      config: { permission: 'loras:manage' },
      schema: {
        operationId: 'deleteLora',
        summary: 'Delete an upload',
        description: 'Jobs that wait for it end with lora_gone.',
        tags: ['loras'],
        params: loraParamsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problems(404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (!(await loras.remove(tenantOf(request), name))) throw notFound(name);
      return reply.code(204).send();
    },
  );

  const upload: FastifyPluginAsync = async (scope) => {
    await scope.register(fastifyMultipart, {
      limits: { files: 1, fields: 4, fieldSize: 1_000, headerPairs: 20, fileSize: Number.MAX_SAFE_INTEGER },
    });
    addUploadRoute(scope as unknown as App, { loras, maxLoraBytes });
  };
  void app.register(upload);
}

function addUploadRoute(app: App, { loras, maxLoraBytes }: LoraRoutePorts): void {
  app.post(
    '/v1/loras',
    {
      config: { permission: 'loras:manage' },
      // The stream is bounded while it is read; the plug-in's own bound would be that of JSON bodies.
      bodyLimit: maxLoraBytes + 65_536,
      schema: {
        operationId: 'uploadLora',
        summary: 'Upload a LoRA adapter',
        description:
          'multipart/form-data with one file in the field "file" (safetensors; its name is the name of the adapter). It can be drawn with as soon as this answers.',
        tags: ['loras'],
        consumes: ['multipart/form-data'],
        response: { 201: json('Stored', loraSchema), ...problems(409, 413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const part = await uploadedFile(request);
      const lora = await loras.add(tenantOf(request), loraNameOf(fileNameOf(part)), uploadedBytes(part.file));
      return reply
        .code(201)
        .header('location', `/v1/loras/${encodeURIComponent(lora.name)}`)
        .send(presentLora(lora));
    },
  );
}

function presentLora({ name, owner, sizeBytes, addedAt, content }: Lora): ApiLora {
  const origin = owner === undefined ? 'installation' : 'upload';
  const base = { name, origin, sizeBytes, addedAt: new Date(addedAt).toISOString() } as const;
  if (content.kind === 'unusable') {
    const problem = presentNotice(content.problem);
    return { ...base, state: 'unusable', problem, models: [], triggerWords: [], warnings: [] };
  }
  const { kind: state, warnings, ...read } = content;
  return { ...base, ...read, state, warnings: warnings.map(presentNotice) };
}

function notFound(name: string): AppError {
  return new AppError('lora_not_found', `There is no LoRA ${JSON.stringify(name)}.`, { details: { name } });
}
