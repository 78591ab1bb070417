import { createHash } from 'node:crypto';
import { AppError } from '../../domain/errors.ts';
import { type S3Requests, xmlField } from './s3-requests.ts';

/**
 * Writes a large object in parts, some at once. False when the service does not know the upload any more, which it
 * says after a finish whose answer was lost. Parts of an upload that failed are given up.
 *
 * @throws AppError as `S3Requests.send`
 */
export async function uploadInParts(
  requests: S3Requests,
  key: string,
  bytes: Uint8Array<ArrayBuffer> | Blob,
): Promise<boolean> {
  const started = await (await requests.send({ method: 'POST', key, query: { uploads: '' } })).text();
  const uploadId = xmlField(started, 'UploadId');
  if (uploadId === undefined) throw new AppError('storage_failed', 'The S3 service gave no id for an upload.');
  try {
    const tags = await putParts(requests, { key, uploadId }, bytes);
    return await finish(requests, { key, uploadId }, tags);
  } catch (error) {
    const giveUp = requests.send({ method: 'DELETE', key, query: { uploadId }, accept: [404] });
    await giveUp.then((answer) => answer.discard()).catch(() => undefined);
    throw error;
  }
}

interface Upload {
  readonly key: string;
  readonly uploadId: string;
}

/** ETags of the parts, in order. */
async function putParts(
  requests: S3Requests,
  upload: Upload,
  bytes: Uint8Array<ArrayBuffer> | Blob,
): Promise<string[]> {
  const count = Math.ceil((bytes instanceof Blob ? bytes.size : bytes.byteLength) / PART_BYTES);
  const tags = new Array<string>(count);
  let next = 0;
  let hasFailed = false;
  async function takeParts(): Promise<void> {
    while (next < count && !hasFailed) {
      const index = next;
      next += 1;
      const [start, end] = [index * PART_BYTES, (index + 1) * PART_BYTES];
      const body =
        bytes instanceof Blob
          ? new Uint8Array(await bytes.slice(start, end).arrayBuffer())
          : bytes.subarray(start, end);
      const sha256 = createHash('sha256').update(body).digest('hex');
      const query = { partNumber: String(index + 1), uploadId: upload.uploadId };
      const answer = await requests.send({ method: 'PUT', key: upload.key, query, body, sha256 });
      await answer.discard();
      tags[index] = answer.headers.get('etag') ?? '';
    }
  }
  const failing = async (): Promise<void> => {
    try {
      await takeParts();
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, failing));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return tags;
}

async function finish(requests: S3Requests, { key, uploadId }: Upload, tags: readonly string[]): Promise<boolean> {
  const parts = tags.map(
    (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
  );
  const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
  const body = Uint8Array.from(Buffer.from(xml));
  const sha256 = createHash('sha256').update(body).digest('hex');
  const headers = { 'content-type': 'application/xml' };
  const answer = await requests.send({
    method: 'POST',
    key,
    query: { uploadId },
    headers,
    body,
    sha256,
    accept: [404],
  });
  if (answer.status === 404) return false;
  // The status is sent before the parts are joined; a fault comes in the body of a 200.
  const text = await answer.text();
  const code = xmlField(text, 'Code');
  if (code === undefined) return true;
  const message = `The S3 service could not join the parts of an upload: ${code}, ${xmlField(text, 'Message')}`;
  throw new AppError('storage_failed', message, { details: { key, serviceCode: code } });
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}

const PART_BYTES = 8_388_608;
const PARTS_AT_ONCE = 3;
