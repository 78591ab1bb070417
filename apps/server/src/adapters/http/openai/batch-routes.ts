import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ManageOrders } from '../../../application/manage-orders.ts';
import { fileId, orderId } from '../../../domain/ids.ts';
import type { Order } from '../../../domain/order.ts';
import { actOf } from '../administration.ts';
import { json } from '../openapi.ts';
import { originOf } from '../presenting.ts';
import { tenantOf } from '../tenant.ts';
import { seconds } from './answer.ts';
import { batchEndpoints } from './batch-lines.ts';
import { openAiProblems } from './errors.ts';
import { pageOf } from './file-routes.ts';
import { batchPageSchema, batchSchema } from './file-schema.ts';

export interface BatchRoutePorts {
  readonly orders: ManageOrders;
}

const tags = ['openai'];
const params = z.object({ batch_id: z.string().max(100) });
const answer = { 200: json('The batch', batchSchema), ...openAiProblems };

/** OpenAI's Batch API. What it calls a batch is an order here. */
export function addBatchRoutes(app: FastifyInstance, ports: BatchRoutePorts): void {
  const { orders } = ports;
  addCreateRoute(app, ports);
  app.get<{ Querystring: z.output<typeof listQuerySchema> }>(
    '/v1/batches',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'openaiListBatches',
        summary: 'OpenAI Batch: list, newest first',
        tags,
        querystring: listQuerySchema,
        response: { 200: json('One page', batchPageSchema), ...openAiProblems },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const from = after === undefined ? undefined : orderId(after);
      const found = await orders.list({ tenantId: tenantOf(request), limit: limit + 1, after: from });
      return pageOf(found.map(presentOrder), limit);
    },
  );
  app.get<BatchParams>(
    '/v1/batches/:batch_id',
    {
      config: { permission: 'generations:read' },
      schema: { operationId: 'openaiGetBatch', summary: 'OpenAI Batch: how far it is', tags, params, response: answer },
    },
    async (request) => presentOrder(await orders.get(orderOf(request))),
  );
  app.post<BatchParams>(
    '/v1/batches/:batch_id/cancel',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'openaiCancelBatch',
        summary: 'OpenAI Batch: cancel what has not ended; what has is kept',
        tags,
        params,
        response: answer,
      },
    },
    async (request) => presentOrder(await orders.cancel(actOf(request), orderOf(request).id)),
  );
}

interface BatchParams {
  readonly Params: { readonly batch_id: string };
}

function addCreateRoute(app: FastifyInstance, { orders }: BatchRoutePorts): void {
  app.post<{ Body: z.output<typeof createSchema> }>(
    '/v1/batches',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'openaiCreateBatch',
        summary: 'OpenAI Batch: draw the requests of a file',
        description:
          'The file has one request a line, 50,000 at most. All lines are checked first; a line that is not a request fails the batch. Pictures are answered by address, whatever response_format says, and drawn with the priority bulk.',
        tags,
        body: createSchema,
        response: answer,
      },
    },
    async (request) => {
      const { input_file_id, endpoint, completion_window: window, metadata, output_expires_after } = request.body;
      const order = await orders.create(actOf(request), {
        ...{ endpoint, window, metadata: metadata ?? {}, inputFileId: fileId(input_file_id) },
        keepOutputMs: output_expires_after == null ? undefined : output_expires_after.seconds * 1_000,
        origin: originOf(request),
      });
      return presentOrder(order);
    },
  );
}

const createSchema = z.object({
  input_file_id: z.string().max(100),
  endpoint: z.enum(batchEndpoints),
  completion_window: z.string().max(10).meta({ description: '24h, or another time in m, h or d up to 14d' }),
  metadata: z
    .record(z.string().min(1).max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
    .nullish(),
  output_expires_after: z
    .object({ anchor: z.literal('created_at'), seconds: z.int().min(3_600).max(2_592_000) })
    .nullish(),
});

const listQuerySchema = z.object({
  limit: z.coerce.number().pipe(z.int().min(1).max(100)).default(20),
  after: z.string().max(100).optional(),
});

function orderOf(request: FastifyRequest<BatchParams>) {
  return { tenantId: tenantOf(request), id: orderId(request.params.batch_id) };
}

function presentOrder(order: Order) {
  const { times, errors, usage, metadata } = order;
  const at = (state: Order['state']): number | null => (times[state] === undefined ? null : seconds(times[state]));
  return {
    id: order.id,
    object: 'batch' as const,
    endpoint: order.endpoint,
    errors: errors.length === 0 ? null : { object: 'list' as const, data: errors },
    input_file_id: order.inputFileId,
    completion_window: order.window,
    status: statusOf(order),
    output_file_id: order.outputFileId ?? null,
    error_file_id: order.errorFileId ?? null,
    created_at: seconds(order.createdAt),
    in_progress_at: at('in_progress'),
    expires_at: seconds(order.expiresAt),
    finalizing_at: at('finalizing'),
    completed_at: at('completed'),
    failed_at: at('failed'),
    expired_at: at('expired'),
    cancelling_at: at('cancelling'),
    cancelled_at: at('cancelled'),
    request_counts: order.counts,
    usage: usage === undefined ? null : presentUsage(usage),
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
  };
}

/** In the words that its clients know. */
function statusOf({ state, end }: Order) {
  if (state === 'finalizing' && end === 'cancelled') return 'cancelling';
  return state === 'expiring' ? 'finalizing' : state;
}

function presentUsage({ inputTokens, outputTokens }: NonNullable<Order['usage']>) {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + outputTokens,
  };
}
