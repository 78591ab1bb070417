/**
 * Hugging Face and its mirrors, over three addresses of its HTTP interface: `/api/models/{id}/revision/{rev}` for the
 * commit, `/api/models/{id}/tree/{commit}?recursive=true` for the files, `/{id}/resolve/{commit}/{path}` for bytes.
 * The package @huggingface/hub is not used: its downloads neither resume nor check a hash, it refuses tokens that do
 * not start with `hf_` (as those of a company's mirror), and it sends the token wherever a listing's next page points.
 */
import { z } from 'zod';
import { ModelError } from '../../application/model-errors.ts';
import type { HubBody, HubFile, HubListing, ModelHub } from '../../application/model-ports.ts';
import { openHubFile } from './hub-file.ts';
import { createHubHttp, type HubHttp } from './hub-http.ts';
import { encodeSegments, repositoryAddress } from './repository-paths.ts';

export const HUGGING_FACE_ENDPOINT = 'https://huggingface.co';

export interface HuggingFaceHubOptions {
  /** @default https://huggingface.co */
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly idleTimeoutMs?: number | undefined;
}

export function createHuggingFaceHub(options: HuggingFaceHubOptions = {}): ModelHub {
  const endpoint = options.endpoint ?? HUGGING_FACE_ENDPOINT;
  const http = createHubHttp({
    endpoint,
    credentials: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
    idleTimeoutMs: options.idleTimeoutMs,
  });
  return {
    source: 'huggingface',
    endpoint,
    defaultRevision: 'main',
    async list(repository, revision, signal): Promise<HubListing> {
      const id = repositoryAddress(repository);
      const info = parse(
        infoSchema,
        (await http.getJson(http.url(`api/models/${id}/revision/${encodeURIComponent(revision)}`), signal)).body,
        repository,
      );
      const files = await listTree(http, id, info.sha, repository, signal);
      return { repository, revision: info.sha, files };
    },
    open(request, signal): Promise<HubBody> {
      const address = `${repositoryAddress(request.repository)}/resolve/${encodeURIComponent(request.revision)}/${encodeSegments(request.path)}`;
      return openHubFile(http, http.url(address), request, signal);
    },
  };
}

const infoSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/) });

const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().int().nonnegative(),
    oid: z.string(),
    lfs: z.object({ oid: z.string(), size: z.number().int().nonnegative() }).optional(),
  }),
);

async function listTree(
  http: HubHttp,
  id: string,
  commit: string,
  repository: string,
  signal: AbortSignal,
): Promise<HubFile[]> {
  const files: HubFile[] = [];
  let page: URL | undefined = http.url(`api/models/${id}/tree/${commit}?recursive=true`);
  while (page !== undefined) {
    const { body, headers }: { body: unknown; headers: Headers } = await http.getJson(page, signal);
    for (const entry of parse(treeSchema, body, repository)) {
      if (entry.type !== 'file') continue;
      files.push({
        path: entry.path,
        sizeBytes: entry.lfs?.size ?? entry.size,
        digest:
          entry.lfs === undefined
            ? { algorithm: 'git-blob-sha1', hex: entry.oid.toLowerCase() }
            : { algorithm: 'sha256', hex: entry.lfs.oid.toLowerCase() },
      });
    }
    page = nextPage(http, page, headers.get('link'));
  }
  return files;
}

/** Mirrors repeat the origin's `Link` header, which names huggingface.co; the page is then asked of the mirror. */
function nextPage(http: HubHttp, current: URL, link: string | null): URL | undefined {
  const target = link === null ? undefined : /<([^>]+)>\s*;\s*rel="?next"?/.exec(link)?.[1];
  if (target === undefined || !URL.canParse(target, current.href)) return undefined;
  const next = new URL(target, current);
  if (next.origin === current.origin) return next;
  if (next.origin === HUGGING_FACE_ENDPOINT) return http.url(`${next.pathname.slice(1)}${next.search}`);
  throw new ModelError(
    'hub_redirect_refused',
    `${current.host} continues its listing on ${next.host}; that is not followed.`,
  );
}

function parse<T>(schema: z.ZodType<T>, body: unknown, repository: string): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new ModelError(
    'hub_answer_invalid',
    `The hub described ${repository} in an unknown form (${z.prettifyError(result.error).split('\n')[0]}).`,
    {
      cause: result.error,
    },
  );
}
