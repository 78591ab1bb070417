import type { Kysely } from 'kysely';
import type { LoraUpload } from '../../application/lora-ports.ts';
import { contentHash, tenantId } from '../../domain/ids.ts';
import type { LoraUploadsTable } from './lora-table.ts';
import type { Tables } from './schema.ts';

export async function readLoraUploads(queries: Kysely<Tables>): Promise<readonly LoraUpload[]> {
  const rows = await queries.selectFrom('lora_uploads').selectAll().orderBy('id').execute();
  return rows.map(uploadFromRow);
}

/** Puts an upload on record; gives the one that has its name already, if there is one. */
export async function addLoraUpload(queries: Kysely<Tables>, upload: LoraUpload): Promise<LoraUpload | undefined> {
  const { id, name, sha256 } = upload;
  const row = { id, name, sha256, tenant_id: upload.tenantId };
  const known = await findUpload(queries, upload);
  if (known !== undefined) return known;
  await queries
    .insertInto('lora_uploads')
    .values({ ...row, size_bytes: upload.sizeBytes, created_at: upload.createdAt })
    .execute();
  return undefined;
}

/** Takes an upload off the records; gives what it was. */
export async function removeLoraUpload(
  queries: Kysely<Tables>,
  which: Pick<LoraUpload, 'tenantId' | 'name'>,
): Promise<LoraUpload | undefined> {
  const known = await findUpload(queries, which);
  if (known !== undefined) await queries.deleteFrom('lora_uploads').where('id', '=', known.id).execute();
  return known;
}

async function findUpload(
  queries: Kysely<Tables>,
  { tenantId: tenant, name }: Pick<LoraUpload, 'tenantId' | 'name'>,
): Promise<LoraUpload | undefined> {
  const select = queries.selectFrom('lora_uploads').selectAll();
  const row = await select.where('tenant_id', '=', tenant).where('name', '=', name).executeTakeFirst();
  return row && uploadFromRow(row);
}

function uploadFromRow(row: LoraUploadsTable): LoraUpload {
  const { id, name, size_bytes: sizeBytes, created_at: createdAt } = row;
  return { id, tenantId: tenantId(row.tenant_id), name, sha256: contentHash(row.sha256), sizeBytes, createdAt };
}
