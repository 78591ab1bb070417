import { Readable } from 'node:stream';
import { type IdParams, idParamsSchema, tenantIdSchema } from '@imagemill/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assetNotFound } from '../../../application/get-asset.ts';
import type { PictureLink } from '../../../application/ports.ts';
import type { Asset } from '../../../domain/asset.ts';
import type { AssetLink } from '../../../domain/asset-link.ts';
import { assetId } from '../../../domain/ids.ts';
import { tenantNamed } from '../administration.ts';
import { problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { sendProblem } from '../problem.ts';
import { parseRange } from './byte-range.ts';

const bytes = { schema: z.string().meta({ format: 'binary' }) };
const picture = { 'image/png': bytes, 'image/jpeg': bytes, 'image/webp': bytes };

export function addAssetRoutes(app: FastifyInstance, ports: HttpPorts): void {
  app.get<{ Params: IdParams; Querystring: AssetQuery }>(
    '/v1/assets/:id',
    {
      config: { permission: 'assets:read', opensByLink: true },
      schema: {
        operationId: 'getAsset',
        summary: 'The bytes of a picture',
        description:
          'They never change. Conditional requests (ETag) and one byte range are understood. The url of an asset is signed and opens without an API key until it expires; with a key the path alone is enough.',
        tags: ['assets'],
        params: idParamsSchema,
        querystring: linkQuerySchema,
        response: {
          200: { description: 'The picture', content: picture },
          206: { description: 'The part that the Range header asks for', content: picture },
          302: z.undefined().describe('Where the bytes are, for a while; only where the settings say so'),
          304: z.undefined().describe('The picture that If-None-Match names'),
          ...problems(403, 404, 416, 422),
        },
      },
    },
    async (request, reply) => {
      const asset = await ports.getAsset({
        tenantId: tenantNamed(request, request.query.tenant),
        id: assetId(request.params.id),
      });
      const etag = `"${asset.sha256}"`;
      reply.headers({
        etag,
        'cache-control': `private, max-age=${maxAge(request.link, ports.clock.now())}, immutable`,
        ...(request.link === undefined ? {} : forOtherSites),
        'accept-ranges': 'bytes',
        'content-disposition': `inline; filename="${fileName(asset)}"`,
      });
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();

      const away = followsLinks(request) ? await linkTo(ports, asset, request.link) : undefined;
      if (away !== undefined) {
        const keepSeconds = Math.floor(away.goodForSeconds / 2);
        return reply.header('cache-control', `private, max-age=${keepSeconds}`).redirect(away.url, 302);
      }

      const ifRange = request.headers['if-range'];
      const wanted = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
      const range = parseRange(wanted, asset.sizeBytes);
      if (range === 'outside') {
        reply.header('content-range', `bytes */${asset.sizeBytes}`);
        return sendProblem(request, reply, { code: 'range_not_satisfiable' });
      }
      if (range !== undefined) {
        reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${asset.sizeBytes}`);
      }
      reply.type(asset.mediaType);
      reply.header('content-length', range === undefined ? asset.sizeBytes : range.end - range.start + 1);
      const stream = await ports.pictures.open(asset.sha256, range);
      if (stream === undefined) throw assetNotFound(asset.id);
      if (request.method !== 'HEAD') return reply.send(stream);
      stream.destroy();
      // An empty stream, not no payload: Fastify would set the length of nothing.
      return reply.send(Readable.from([]));
    },
  );
}

/** Seconds for which a browser may keep the bytes: no longer than the address opens them. */
function maxAge(link: AssetLink | undefined, nowMs: number): number {
  return link === undefined ? 31_536_000 : Math.max(0, link.expires - Math.ceil(nowMs / 1_000));
}

/** Who has a signed address may show the picture on any page: the address is all that it takes. */
const forOtherSites = { 'cross-origin-resource-policy': 'cross-origin', 'access-control-allow-origin': '*' };

interface AssetQuery {
  readonly tenant?: string | undefined;
}

const linkQuerySchema = z.object({
  tenant: tenantIdSchema
    .optional()
    .meta({ description: "Another tenant than the caller's; for admins of the installation" }),
  expires: z.string().optional().meta({ description: 'End of a signed address, in seconds since 1970' }),
  by: z.string().optional().meta({ description: 'Which secret signed it' }),
  signature: z.string().optional().meta({ description: 'HMAC-SHA256 of the picture and the end, base64url' }),
});

/** A script of a page may read only what comes from its own origin; everybody else follows a redirect. */
function followsLinks({ method, headers }: FastifyRequest): boolean {
  // Browsers alone name the site that a request comes from.
  const isOfScript = headers['sec-fetch-site'] !== undefined && headers['sec-fetch-dest'] === 'empty';
  return method === 'GET' && !isOfScript;
}

/** An address at the service that keeps the bytes; good for no longer than the one that was asked for. */
function linkTo(
  { pictures, clock }: HttpPorts,
  asset: Asset,
  link: AssetLink | undefined,
): Promise<PictureLink | undefined> {
  const { mediaType, sha256 } = asset;
  return pictures.linkTo(sha256, { mediaType, fileName: fileName(asset), mostSeconds: maxAge(link, clock.now()) });
}

function fileName(asset: Asset): string {
  return `imagemill-${asset.id}.${asset.mediaType.replace('image/', '')}`;
}

function matches(header: string | undefined, etag: string): boolean {
  const known = header?.split(',').map((one) => one.trim().replace(/^W\//, '')) ?? [];
  return known.includes(etag) || known.includes('*');
}
