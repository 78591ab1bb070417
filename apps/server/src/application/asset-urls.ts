import { type AssetLink, linkEnd, linkPath, signedText } from '../domain/asset-link.ts';
import type { AssetId } from '../domain/ids.ts';
import type { Secrets } from './access-ports.ts';
import type { Clock } from './ports.ts';
import type { SigningKeyRing } from './signing-keys.ts';

/** Addresses of pictures that open without an API key until they expire. All that hands out addresses asks here. */
export interface AssetUrls {
  /** Path and query on this server. */
  pathOf(asset: { readonly id: AssetId }): string;
  /**
   * The whole address: under the public address of the installation where one is set, else under `origin`, else the
   * path alone.
   *
   * @param origin e.g. `http://127.0.0.1:7860`, as the client reached the server
   */
  urlOf(asset: { readonly id: AssetId }, origin?: string): string;
  verdictOn(id: AssetId, link: AssetLink): 'valid' | 'expired' | 'forged';
}

export interface AssetUrlsPorts {
  readonly keys: Pick<SigningKeyRing, 'signing' | 'find'>;
  readonly secrets: Pick<Secrets, 'mac' | 'isEqual'>;
  readonly clock: Pick<Clock, 'now'>;
  /** How long an address opens its picture at most. */
  readonly lifeSeconds: number;
  /** Without a slash at its end. */
  readonly publicUrl: string | undefined;
}

export function createAssetUrls({ keys, secrets, clock, lifeSeconds, publicUrl }: AssetUrlsPorts): AssetUrls {
  const pathOf: AssetUrls['pathOf'] = ({ id }) => {
    const { id: signedBy, secret } = keys.signing;
    const expires = linkEnd(clock.now(), lifeSeconds);
    return linkPath(id, { expires, signedBy, signature: secrets.mac(secret, signedText(id, expires)) });
  };
  return {
    pathOf,
    urlOf: (asset, origin) => `${publicUrl ?? origin ?? ''}${pathOf(asset)}`,
    verdictOn(id, { expires, signedBy, signature }) {
      const key = keys.find(signedBy);
      if (key === undefined) return 'forged';
      if (!secrets.isEqual(secrets.mac(key.secret, signedText(id, expires)), signature)) return 'forged';
      return clock.now() < expires * 1_000 ? 'valid' : 'expired';
    },
  };
}
