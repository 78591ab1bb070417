import type { Kysely } from 'kysely';
import type { OptionsOwner } from '../../application/client-options.ts';
import type { Tables } from './schema.ts';

export async function readClientOptions(
  queries: Kysely<Tables>,
  { tenantId, holder }: OptionsOwner,
): Promise<Readonly<Record<string, unknown>>> {
  const row = await queries
    .selectFrom('client_options')
    .select('options')
    .where('tenant_id', '=', tenantId)
    .where('holder', '=', holder)
    .executeTakeFirst();
  return row === undefined ? {} : JSON.parse(row.options);
}

export async function saveClientOptions(
  queries: Kysely<Tables>,
  { tenantId, holder }: OptionsOwner,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const text = JSON.stringify(options);
  await queries
    .insertInto('client_options')
    .values({ tenant_id: tenantId, holder, options: text })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'holder']).doUpdateSet({ options: text }))
    .execute();
}
