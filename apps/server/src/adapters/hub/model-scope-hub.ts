/**
 * ModelScope, over two addresses of its HTTP interface: `/api/v1/models/{id}/repo/files` for the files, each with its
 * SHA-256, and `/api/v1/models/{id}/repo?FilePath=` for bytes.
 */
import { z } from 'zod';
import { ModelError } from '../../application/model-errors.ts';
import type { HubBody, HubFile, HubListing, ModelHub } from '../../application/model-ports.ts';
import { openHubFile } from './hub-file.ts';
import { createHubHttp } from './hub-http.ts';
import { repositoryAddress } from './repository-paths.ts';

export const MODEL_SCOPE_ENDPOINT = 'https://www.modelscope.cn';

export interface ModelScopeHubOptions {
  /** @default https://www.modelscope.cn */
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly idleTimeoutMs?: number | undefined;
}

export function createModelScopeHub(options: ModelScopeHubOptions = {}): ModelHub {
  const endpoint = options.endpoint ?? MODEL_SCOPE_ENDPOINT;
  const http = createHubHttp({
    endpoint,
    credentials: credentials(options.token),
    idleTimeoutMs: options.idleTimeoutMs,
  });
  return {
    source: 'modelscope',
    endpoint,
    defaultRevision: 'master',
    async list(repository, revision, signal): Promise<HubListing> {
      const address = `api/v1/models/${repositoryAddress(repository)}/repo/files?Revision=${encodeURIComponent(revision)}&Recursive=true`;
      return { repository, revision, files: filesOf((await http.getJson(http.url(address), signal)).body, repository) };
    },
    open(request, signal): Promise<HubBody> {
      const query = `Revision=${encodeURIComponent(request.revision)}&FilePath=${encodeURIComponent(request.path)}`;
      return openHubFile(
        http,
        http.url(`api/v1/models/${repositoryAddress(request.repository)}/repo?${query}`),
        request,
        signal,
      );
    },
  };
}

/** Older parts of the site know a session by its cookie, newer ones by the header. */
function credentials(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}`, cookie: `m_session_id=${token}` };
}

const answerSchema = z.object({
  Code: z.number(),
  Message: z.string().optional(),
  Data: z
    .object({
      Files: z.array(
        z.object({
          Path: z.string(),
          Type: z.string(),
          Size: z.number().int().nonnegative().default(0),
          Sha256: z.string().default(''),
        }),
      ),
    })
    .nullish(),
});

function filesOf(body: unknown, repository: string): HubFile[] {
  const result = answerSchema.safeParse(body);
  if (!result.success) {
    throw new ModelError(
      'hub_answer_invalid',
      `ModelScope described ${repository} in an unknown form (${z.prettifyError(result.error).split('\n')[0]}).`,
      {
        cause: result.error,
      },
    );
  }
  const { Code: code, Message: message, Data: data } = result.data;
  if (code !== 200 || data === null || data === undefined) {
    throw new ModelError(
      'hub_model_not_found',
      `ModelScope has no model ${repository} at that revision (${message ?? `code ${code}`}).`,
      { details: { code } },
    );
  }
  return data.Files.filter((entry) => entry.Type !== 'tree').map(toHubFile);
}

function toHubFile(entry: { Path: string; Size: number; Sha256: string }): HubFile {
  const hex = entry.Sha256.toLowerCase();
  return {
    path: entry.Path,
    sizeBytes: entry.Size,
    digest: /^[0-9a-f]{64}$/.test(hex) ? { algorithm: 'sha256', hex } : undefined,
  };
}
