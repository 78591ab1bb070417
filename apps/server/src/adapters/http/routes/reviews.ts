import {
  type Review as ApiReview,
  idParamsSchema,
  listReviewsQuerySchema,
  ofTenantQuerySchema,
  qualityPolicyAnswerSchema,
  qualityPolicyChangeSchema,
  reviewPageSchema,
  reviewSchema,
} from '@imagemill/api';
import type { ManageQualityPolicy } from '../../../application/manage-quality-policy.ts';
import type { ManageReviews } from '../../../application/manage-reviews.ts';
import type { ReviewRecord } from '../../../application/quality-ports.ts';
import { jobId } from '../../../domain/ids.ts';
import { actOf, tenantNamed, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { type PresentPorts, presentAsset } from '../present.ts';
import { assetUrlsFor } from '../presenting.ts';
import { askerOf, tenantOf } from '../tenant.ts';

export interface QualityRoutePorts {
  readonly reviews: ManageReviews;
  readonly policies: ManageQualityPolicy;
  readonly assetUrls: PresentPorts['assetUrls'];
}

export function addQualityRoutes(app: App, { reviews, policies, ...ports }: QualityRoutePorts): void {
  app.get(
    '/v1/reviews',
    {
      config: { permission: 'pictures:review' },
      schema: {
        operationId: 'listReviews',
        summary: 'Pictures that the quality gate held back or marked, newest first',
        tags: ['quality'],
        querystring: listReviewsQuerySchema,
        response: { 200: json('One page', reviewPageSchema), ...problems(422) },
      },
    },
    async (request) => {
      const { limit, cursor, state, held, check } = request.query;
      const after = cursor === undefined ? undefined : jobId(cursor);
      const { items, next } = await reviews.list({
        tenantId: tenantOf(request),
        limit,
        after,
        state,
        isHeld: held,
        check,
      });
      const assetUrls = assetUrlsFor(request, ports.assetUrls);
      return { items: items.map((one) => presentReview(one, assetUrls)), nextCursor: next };
    },
  );

  const decisions = {
    accept: ['acceptReview', 'The picture counts', 'One that was held back becomes the picture of its job.'],
    reject: ['rejectReview', 'The picture does not count', 'One that counted leaves the gallery.'],
    redraw: [
      'redrawReview',
      'Draw another picture with a new seed in its place',
      'By the same job when it was held back, else by a new generation.',
    ],
  } as const;
  for (const name of ['accept', 'reject', 'redraw'] as const) {
    const [operationId, summary, description] = decisions[name];
    app.post(
      `/v1/reviews/:id/${name}`,
      {
        config: { permission: 'pictures:review' },
        schema: {
          ...{ operationId, summary, description, tags: ['quality'], params: idParamsSchema },
          response: { 200: json('The review', reviewSchema), ...problems(404, 409, 413, 415, 422, 507) },
        },
      },
      async (request) => {
        const decision = { act: actOf(request), who: askerOf(request), id: jobId(request.params.id) };
        return presentReview(await reviews[name](decision), assetUrlsFor(request, ports.assetUrls));
      },
    );
  }

  addPolicyRoutes(app, policies);
}

function addPolicyRoutes(app: App, policies: ManageQualityPolicy): void {
  const answer = json('The policy', qualityPolicyAnswerSchema);
  app.get(
    '/v1/quality/policy',
    {
      config: { permission: 'pictures:review' },
      schema: {
        operationId: 'getQualityPolicy',
        summary: 'What happens to pictures that fail a check of the quality gate',
        tags: ['quality'],
        querystring: ofTenantQuerySchema,
        response: { 200: answer, ...problems(404, 422) },
      },
    },
    async (request) => policies.get(tenantNamed(request, request.query.tenant)),
  );

  app.put(
    '/v1/quality/policy',
    {
      config: { permission: 'quality:manage' },
      schema: {
        operationId: 'setQualityPolicy',
        summary: 'Set the quality policy of a tenant',
        description: 'What is left out is as for the whole installation; an empty body goes back to that.',
        tags: ['quality'],
        querystring: ofTenantQuerySchema,
        body: qualityPolicyChangeSchema,
        response: { 200: answer, ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => policies.set(actOf(request), tenantNamed(request, request.query.tenant), request.body),
  );
}

function presentReview({ review, generation, asset }: ReviewRecord, assetUrls: PresentPorts['assetUrls']): ApiReview {
  return {
    id: review.jobId,
    generationId: review.generationId,
    state: review.state,
    held: review.isHeld,
    createdAt: timeOf(review.createdAt),
    decidedAt: timeOf(review.decidedAt),
    decidedBy: review.decidedBy,
    prompt: generation.prompt,
    model: generation.model,
    seed: review.seed,
    quality: review.quality,
    asset: asset && presentAsset(asset, assetUrls),
  };
}
