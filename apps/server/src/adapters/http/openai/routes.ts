/** The door of OpenAI's Images API. All requests end in the same use case as those of the native API. */
import fastifyMultipart from '@fastify/multipart';
import { openAiModelSchema } from '@imagemill/api';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JoinGeneration } from '../../../application/join-generation.ts';
import { hashOfBody } from '../idempotency.ts';
import { json, streamedEvent } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { askerOf } from '../tenant.ts';
import { answerOfRecord } from './answer.ts';
import { addBatchRoutes, type BatchRoutePorts } from './batch-routes.ts';
import { ClientWait, type WaitPorts } from './client-wait.ts';
import { pictureOf, readEdit } from './edit-form.ts';
import { type EditInputPorts, editInput } from './edit-input.ts';
import { createOpenAiErrorHandler, openAiProblems } from './errors.ts';
import { addFileRoutes, type FileRoutePorts } from './file-routes.ts';
import { Followers } from './follow.ts';
import { modelFor, openAiModel } from './models.ts';
import { nativeRequest } from './request-input.ts';
import { RunningRequests } from './running-requests.ts';
import { type ImageRequest, imageEventSchema, imageRequestSchema, imagesAnswerSchema } from './schema.ts';
import { streamAnswer } from './stream.ts';

export interface OpenAiPorts extends FileRoutePorts, BatchRoutePorts, EditInputPorts {
  readonly joinGeneration: JoinGeneration;
  readonly maxUploadBytes: number;
  /** How long a client that went away may take to come back before its request is cancelled. */
  readonly graceMs: number;
}

export function addOpenAiRoutes(app: FastifyInstance, ports: HttpPorts): void {
  const door: FastifyPluginAsync = async (scope) => {
    const { openAi } = ports;
    scope.setErrorHandler(createOpenAiErrorHandler(ports.log));
    await scope.register(fastifyMultipart, {
      limits: { files: 17, fields: 50, fieldSize: 200_000, headerPairs: 20, fileSize: Number.MAX_SAFE_INTEGER },
    });
    const followers = new Followers(ports);
    scope.addHook('preClose', async () => followers.close());
    const { joinGeneration } = openAi;
    const running = new RunningRequests({ ...ports, joinGeneration, graceMs: openAi.graceMs });
    const waitPorts: WaitPorts = { ...ports, followers, running, joinGeneration };
    addGenerationRoute(scope, ports, waitPorts);
    addEditRoute(scope, ports, waitPorts);
    addModelRoute(scope, ports);
    addFileRoutes(scope, openAi);
    addBatchRoutes(scope, openAi);
  };
  void app.register(door);
}

function addGenerationRoute(app: FastifyInstance, ports: HttpPorts, waitPorts: WaitPorts): void {
  app.post<{ Body: ImageRequest }>(
    '/v1/images/generations',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'openaiGenerateImages',
        summary: 'OpenAI Images: draw pictures and wait for them',
        tags: ['openai'],
        body: imageRequestSchema,
        response: answers,
      },
    },
    async (request, reply) => {
      const { body } = request;
      const model = modelFor(body.model, ports.models);
      const input = { ...nativeRequest(body, model), ...askerOf(request) };
      const wanted = { body, model, input, hash: `generate ${hashOfBody(body)}` };
      const wait = await ClientWait.begin(wanted, request, reply, waitPorts);
      return body.stream ? streamAnswer(wait, 'image_generation', reply) : answer(wait, request, reply);
    },
  );
}

function addEditRoute(app: FastifyInstance, ports: HttpPorts, waitPorts: WaitPorts): void {
  const { openAi } = ports;
  app.post(
    '/v1/images/edits',
    {
      config: { permission: 'generations:write' },
      bodyLimit: 2 * openAi.maxUploadBytes + 1_048_576,
      schema: {
        operationId: 'openaiEditImages',
        summary: 'OpenAI Images: draw from a picture, or repaint what a mask leaves transparent',
        tags: ['openai'],
        consumes: ['multipart/form-data', 'application/json'],
        response: answers,
      },
    },
    async (request, reply) => {
      const { tenantId } = askerOf(request);
      const form = await readEdit(request, openAi.maxUploadBytes, pictureOf(tenantId, openAi));
      const { body } = form;
      const model = modelFor(body.model, ports.models);
      const { input, hash } = await editInput(form, { tenantId, model, priority: 'interactive' }, openAi);
      const wanted = { body, model, input: { ...input, ...askerOf(request) }, hash: `edit ${hash}` };
      const wait = await ClientWait.begin(wanted, request, reply, waitPorts);
      return body.stream ? streamAnswer(wait, 'image_edit', reply) : answer(wait, request, reply);
    },
  );
}

function addModelRoute(app: FastifyInstance, { models }: HttpPorts): void {
  app.get<{ Params: { model: string } }>(
    '/v1/models/:model',
    {
      config: { permission: 'models:read' },
      schema: {
        operationId: 'openaiGetModel',
        summary: 'OpenAI: one model by its name or an alias',
        tags: ['openai'],
        params: z.object({ model: z.string() }),
        response: { 200: json('The model', openAiModelSchema), ...openAiProblems },
      },
    },
    async (request) => {
      const { model } = request.params;
      modelFor(model, models);
      return openAiModel(model);
    },
  );
}

async function answer(wait: ClientWait, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const record = await wait.ended();
  if (record === undefined) return reply;
  try {
    return await answerOfRecord(record, { body: wait.body, model: wait.model, request }, wait.answerPorts);
  } finally {
    wait.answered();
  }
}

const answers = {
  200: {
    description: 'The pictures; with stream=true one event each, and previews',
    content: {
      'application/json': { schema: imagesAnswerSchema },
      'text/event-stream': { schema: streamedEvent(imageEventSchema) },
    },
  },
  ...openAiProblems,
};
