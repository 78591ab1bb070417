import type { Asset } from '@imagemill/api';
import { client } from './client.ts';

/**
 * Where the page gets a picture. Not the signed address of the asset, which changes and ends: the page shows who reads it,
 * and the browser keeps the bytes under this one for good.
 */
export function pictureUrl({ id }: Pick<Asset, 'id'>): string {
  return client.url(`/v1/assets/${id}`);
}
