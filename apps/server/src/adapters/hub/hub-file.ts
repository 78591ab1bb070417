import { ModelError } from '../../application/model-errors.ts';
import type { HubBody, HubFileRequest } from '../../application/model-ports.ts';
import type { HubHttp } from './hub-http.ts';

/**
 * Opens a file's bytes from `request.fromByte` on. `If-Range` makes a hub whose file has changed answer with the
 * whole file, so a part never gets the tail of another version.
 *
 * @throws ModelError `hub_*`, `cancelled`
 */
export async function openHubFile(
  http: HubHttp,
  url: URL,
  request: HubFileRequest,
  signal: AbortSignal,
): Promise<HubBody> {
  const headers: Record<string, string> = {};
  if (request.fromByte > 0) {
    headers['range'] = `bytes=${request.fromByte}-`;
    if (request.etag !== undefined) headers['if-range'] = request.etag;
  }
  const response = await http.get(url, headers, signal);
  try {
    const startsAt = startOf(response.status, response.headers, url);
    return { startsAt, etag: strongTag(response.headers.get('etag')), bytes: response.bytes, close: response.close };
  } catch (error) {
    response.close();
    throw error;
  }
}

function startOf(status: number, headers: Headers, url: URL): number {
  if (status === 200) return 0;
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1];
  if (start === undefined) {
    throw new ModelError('hub_answer_invalid', `${url.host} answered a range without saying which (content-range).`, {
      details: { contentRange: headers.get('content-range') },
    });
  }
  return Number(start);
}

/** Weak tags do not identify bytes, so RFC 9110 §13.1.5 forbids them in If-Range. */
function strongTag(etag: string | null): string | undefined {
  return etag === null || etag.startsWith('W/') ? undefined : etag;
}
