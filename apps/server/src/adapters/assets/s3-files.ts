import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileCopies } from '../../application/file-copies.ts';
import { AppError } from '../../domain/errors.ts';
import { uploadInParts } from './s3-multipart.ts';
import { createS3Requests, type S3Options } from './s3-requests.ts';

/** Copies under their names in a bucket. @throws AppError from every method as `S3Requests.send` */
export function createS3Files(options: S3Options): FileCopies {
  const requests = createS3Requests(options);
  return {
    async keep(key, path) {
      const file = await openAsBlob(path);
      if (file.size > MOST_BYTES_AT_ONCE) {
        if (await uploadInParts(requests, key, file)) return;
        throw new AppError('storage_failed', `The upload of ${key} vanished from the S3 service.`, {
          details: { key },
        });
      }
      const body = new Uint8Array(await file.arrayBuffer());
      const sha256 = createHash('sha256').update(body).digest('hex');
      await (await requests.send({ method: 'PUT', key, body, sha256 })).discard();
    },
    async bring(key, path) {
      const answer = await requests.send({ method: 'GET', key, accept: [404] });
      if (answer.status === 404) {
        await answer.discard();
        return false;
      }
      await mkdir(dirname(path), { recursive: true });
      const part = `${path}.${randomUUID()}.part`;
      try {
        await pipeline(Readable.from(answer.chunks()), createWriteStream(part, { flags: 'wx', flush: true }));
        await rename(part, path);
      } finally {
        await rm(part, { force: true });
      }
      return true;
    },
    async remove(key) {
      await (await requests.send({ method: 'DELETE', key, accept: [404] })).discard();
    },
  };
}

/** As for pictures. */
const MOST_BYTES_AT_ONCE = 16_777_216;
