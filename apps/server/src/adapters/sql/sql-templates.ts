import type { Kysely } from 'kysely';
import type { Template } from '../../application/manage-templates.ts';
import { type TenantId, tenantId } from '../../domain/ids.ts';
import type { Tables } from './schema.ts';

export async function readTemplates(queries: Kysely<Tables>, tenant: TenantId): Promise<readonly Template[]> {
  const rows = await queries
    .selectFrom('templates')
    .selectAll()
    .where('tenant_id', '=', tenant)
    .orderBy('name')
    .execute();
  return rows.map((row) => ({
    tenantId: tenantId(row.tenant_id),
    name: row.name,
    prompt: row.prompt,
    negativePrompt: row.negative_prompt,
    createdAt: row.created_at,
  }));
}

export async function saveTemplate(queries: Kysely<Tables>, template: Template): Promise<void> {
  const { name, prompt, negativePrompt, createdAt } = template;
  const content = { prompt, negative_prompt: negativePrompt, created_at: createdAt };
  await queries
    .insertInto('templates')
    .values({ tenant_id: template.tenantId, name, ...content })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet(content))
    .execute();
}

export async function removeTemplate(
  queries: Kysely<Tables>,
  which: Pick<Template, 'tenantId' | 'name'>,
): Promise<void> {
  await queries
    .deleteFrom('templates')
    .where('tenant_id', '=', which.tenantId)
    .where('name', '=', which.name)
    .execute();
}
