import type { Asset } from '@imagemill/api';
import { client } from './client.ts';

/**
 * Where the page gets a picture. Not the signed address of the asset, which changes and ends: the page shows who reads it,
 * and the browser keeps the bytes under this one for good.
 *
 * @param tenant whose it is, where it is not the reader's tenant's
 */
export function pictureUrl({ id }: Pick<Asset, 'id'>, tenant?: string): string {
  return client.url(`/v1/assets/${id}${tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`}`);
}
