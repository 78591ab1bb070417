import {
  type CostFigures as ApiFigures,
  type BudgetStanding as ApiStanding,
  budgetRequestSchema,
  budgetStandingSchema,
  type CostGroup,
  type CostItem,
  type Costs,
  costQuerySchema,
  costsSchema,
  ofTenantQuerySchema,
} from '@imagemill/api';
import { z } from 'zod';
import type { BudgetStanding } from '../../../application/check-budget.ts';
import type { UsageGroup, UsageRow } from '../../../application/usage-ports.ts';
import { type CostFigures, costFigures, splitModel, standingCost, sumOf } from '../../../domain/cost/cost-report.ts';
import { type AdministrationPorts, actOf, tenantNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { csvOf } from '../csv.ts';
import { json, problems } from '../openapi.ts';
import { callerOf } from '../tenant.ts';
import { dateOf, daysOf } from './usage.ts';

export function addCostRoutes(app: App, { usage, clock }: AdministrationPorts): void {
  app.get(
    '/v1/costs',
    {
      config: { permission: 'usage:read' },
      schema: {
        operationId: 'getCosts',
        summary: 'What pictures cost: by tenant, day, model, precision, size, and beside a hosted API',
        description: 'As CSV with format=csv or Accept: text/csv. Days are those of UTC.',
        tags: ['usage'],
        querystring: costQuerySchema,
        response: {
          200: {
            description: 'Costs by group',
            content: { 'application/json': { schema: costsSchema }, 'text/csv': { schema: z.string() } },
          },
          ...problems(404, 422),
        },
      },
    },
    async (request, reply) => {
      const { tenant, groupBy, format, devices } = request.query;
      const isAll = tenant === '*' && callerOf(request).permissions.has('tenants:manage');
      const tenantId = isAll ? undefined : tenantNamed(request, tenant);
      const { fromDay, toDay } = daysOf(request.query, clock.now());
      const rows = await usage.usage({ tenantId, fromDay, toDay, groupBy: usageGroupsOf(groupBy) });
      const prices = await usage.prices();
      const items = itemsOf(rows, groupBy, prices?.hostedPerPicture);
      const wantsCsv = format === 'csv' || (format === undefined && /\btext\/csv\b/.test(request.headers.accept ?? ''));
      if (wantsCsv) {
        const file = `attachment; filename="costs-${dateOf(fromDay)}-${dateOf(toDay)}.csv"`;
        reply.type('text/csv; charset=utf-8').header('content-disposition', file);
        const text = csvOf([...groupBy, ...figureNames], items);
        return reply.serializer((one: string) => one).send(text as unknown as Costs);
      }
      const sum = sumOf(rows);
      const hours = Math.min((toDay - fromDay + 1) * 24, Math.max(0, clock.now() / 3_600_000 - fromDay * 24));
      const of = { hours, pictures: sum.pictures, perDeviceSecond: prices?.perDeviceSecond ?? 0 };
      return {
        ...{ from: dateOf(fromDay), to: dateOf(toDay), currency: prices?.currency, items },
        total: presentFigures(costFigures(sum, prices?.hostedPerPicture)),
        standing: devices === undefined ? undefined : roundedAll(standingCost({ ...of, devices })),
      };
    },
  );
}

export function addBudgetRoutes(app: App, { budgets, usage }: AdministrationPorts): void {
  const answer = json('How the tenant stands', budgetStandingSchema);
  const present = async (standing: BudgetStanding): Promise<ApiStanding> => {
    const { budget, month, state, spent, reserved } = standing;
    const currency = (await usage.prices())?.currency;
    return { month, state, currency, ...budget, ...roundedAll({ spent, reserved }) };
  };

  app.get(
    '/v1/budget',
    {
      config: { permission: 'usage:read' },
      schema: {
        operationId: 'getBudget',
        summary: 'What a tenant may spend this month, and what it has spent',
        tags: ['usage'],
        querystring: ofTenantQuerySchema,
        response: { 200: answer, ...problems(404, 422) },
      },
    },
    async (request) => present(await budgets.get(tenantNamed(request, request.query.tenant))),
  );

  app.put(
    '/v1/budget',
    {
      config: { permission: 'tenants:manage' },
      schema: {
        operationId: 'setBudget',
        summary: 'Set what a tenant may spend in a calendar month (UTC)',
        description: 'Beyond the hard budget nothing is accepted; the soft one is told of once a month.',
        tags: ['usage'],
        querystring: ofTenantQuerySchema,
        body: budgetRequestSchema,
        response: { 200: answer, ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { soft, hard } = request.body;
      return present(await budgets.set(actOf(request), tenantNamed(request, request.query.tenant), { soft, hard }));
    },
  );
}

/** Precision is part of a model's name in the records. */
function usageGroupsOf(groups: readonly CostGroup[]): readonly UsageGroup[] {
  return [...new Set(groups.map((group): UsageGroup => (group === 'precision' ? 'model' : group)))];
}

interface Group {
  readonly labels: Partial<Record<CostGroup, string>>;
  readonly rows: UsageRow[];
}

/** One item a group; models that differ in what is not asked for are put together. */
function itemsOf(
  rows: readonly UsageRow[],
  groupBy: readonly CostGroup[],
  hostedPerPicture: number | undefined,
): readonly CostItem[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const { model, precision } = splitModel(row.model ?? '');
    const day = row.day === undefined ? undefined : dateOf(row.day);
    const all = { tenant: row.tenantId, day, model, precision, size: row.size };
    const labels = Object.fromEntries(groupBy.map((group) => [group, all[group] ?? '']));
    const key = JSON.stringify(labels);
    const group: Group = groups.get(key) ?? { labels, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ labels, rows: own }) => ({
    ...labels,
    ...presentFigures(costFigures(sumOf(own), hostedPerPicture)),
  }));
}

const figureNames = [
  'pictures',
  'rejected',
  'failed',
  'deviceSeconds',
  'cost',
  'costPerPicture',
  'deviceSecondsPerPicture',
  'hostedCost',
] as const satisfies readonly (keyof ApiFigures)[];

function presentFigures(figures: CostFigures): ApiFigures {
  return roundedAll(figures);
}

/** To millionths. */
function roundedAll<T extends { readonly [Name in keyof T]: number | undefined }>(values: T): T {
  const rounded = Object.entries<number | undefined>(values).map(([name, value]) => [
    name,
    value === undefined ? undefined : Math.round(value * 1e6) / 1e6,
  ]);
  return Object.fromEntries(rounded) as T;
}
