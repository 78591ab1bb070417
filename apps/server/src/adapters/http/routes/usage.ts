import {
  priceListSchema,
  pricesSchema,
  type Usage,
  type UsageItem,
  usageQuerySchema,
  usageSchema,
} from '@imagemill/api';
import { z } from 'zod';
import type { UsageRow } from '../../../application/usage-ports.ts';
import { DAY_MS, dayOf } from '../../../domain/access/usage.ts';
import { AppError } from '../../../domain/errors.ts';
import { type AdministrationPorts, actOf, tenantsNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { csvOf } from '../csv.ts';
import { json, problems } from '../openapi.ts';

export function addUsageRoutes(app: App, { usage, clock }: AdministrationPorts): void {
  app.get(
    '/v1/usage',
    {
      config: { permission: 'usage:read' },
      schema: {
        operationId: 'getUsage',
        summary: 'What was used, in requests, pictures, device time and money',
        description: 'As CSV with format=csv or Accept: text/csv. Days are those of UTC.',
        tags: ['usage'],
        querystring: usageQuerySchema,
        response: {
          200: {
            description: 'Sums by group',
            content: { 'application/json': { schema: usageSchema }, 'text/csv': { schema: z.string() } },
          },
          ...problems(404, 422),
        },
      },
    },
    async (request, reply) => {
      const { tenant, groupBy, format } = request.query;
      const tenantId = tenantsNamed(request, tenant);
      const { fromDay, toDay } = daysOf(request.query, clock.now());
      const rows = await usage.usage({ tenantId, fromDay, toDay, groupBy });
      const items = rows.map(presentRow);
      const wantsCsv = format === 'csv' || (format === undefined && /\btext\/csv\b/.test(request.headers.accept ?? ''));
      if (wantsCsv) {
        const names = [...groupBy, 'requests', 'pictures', 'failed', 'deviceSeconds', 'cost'] as const;
        const file = `attachment; filename="usage-${dateOf(fromDay)}-${dateOf(toDay)}.csv"`;
        reply.type('text/csv; charset=utf-8').header('content-disposition', file);
        return reply.serializer((text: string) => text).send(csvOf(names, items) as unknown as Usage);
      }
      const currency = (await usage.prices())?.currency;
      return { from: dateOf(fromDay), to: dateOf(toDay), currency, items };
    },
  );
}

export function addPriceRoutes(app: App, { usage, setPrices }: AdministrationPorts): void {
  app.get(
    '/v1/prices',
    {
      config: { permission: 'usage:read' },
      schema: {
        operationId: 'getPrices',
        summary: 'What pictures cost',
        tags: ['usage'],
        response: { 200: json('The prices', priceListSchema), ...problems() },
      },
    },
    async () => ({ prices: await usage.prices() }),
  );

  app.put(
    '/v1/prices',
    {
      config: { permission: 'tenants:manage' },
      schema: {
        operationId: 'setPrices',
        summary: 'Set what pictures cost from now on',
        description: 'What was drawn before keeps its cost.',
        tags: ['usage'],
        body: pricesSchema,
        response: { 200: json('The prices', priceListSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request) => ({ prices: await setPrices(actOf(request), request.body) }),
  );
}

export function daysOf(query: { readonly from?: string | undefined; readonly to?: string | undefined }, now: number) {
  const today = dateOf(dayOf(now));
  const { to = today, from = `${to.slice(0, 8)}01` } = query;
  const [fromDay, toDay] = [dayOf(Date.parse(from)), dayOf(Date.parse(to))];
  if (fromDay <= toDay && toDay - fromDay < MOST_DAYS) return { fromDay, toDay };
  const message = `from ${from} and to ${to} do not enclose 1 to ${MOST_DAYS} days.`;
  const field = {
    field: 'from',
    code: 'invalid_value' as const,
    message,
    got: from,
    expected: `a day up to ${MOST_DAYS} before to`,
  };
  throw new AppError('validation_failed', message, { fields: [field] });
}

function presentRow({
  tenantId,
  day,
  keyId,
  model,
  size,
  requests,
  pictures,
  failed,
  rejected,
  deviceMs,
  costMicros,
}: UsageRow): UsageItem {
  return {
    ...{ tenant: tenantId, day: day === undefined ? undefined : dateOf(day), key: keyId, model, size },
    ...{
      requests,
      pictures,
      failed,
      rejected,
      deviceSeconds: Math.round(deviceMs) / 1_000,
      cost: Math.round(costMicros) / 1e6,
    },
  };
}

export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

const MOST_DAYS = 731;
