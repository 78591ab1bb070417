import type { FastifyRequest } from 'fastify';
import { AppError } from '../../domain/errors.ts';

/** A file of a body, read into memory. @throws AppError `upload_too_large` */
export async function readBounded(
  file: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of file) {
    received += chunk.length;
    if (received > maxBytes) {
      const message = `The file is larger than ${maxBytes} bytes, which the setting maxUploadBytes allows.`;
      throw new AppError('upload_too_large', message, { details: { maxBytes } });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The bytes of a file of a form as they come. @throws AppError `malformed_request` when the form ends before the file */
export async function* uploadedBytes(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    throw new AppError('malformed_request', 'The form ended in the middle of the file.', { cause: error });
  }
}

/** The name that a file of a form came with; empty where it has none, which the types do not know. */
export function fileNameOf({ filename }: { readonly filename: string | undefined }): string {
  return filename ?? '';
}

export type UploadedFile = NonNullable<Awaited<ReturnType<FastifyRequest['file']>>>;

/** The one file of a multipart request, in the field "file". @throws AppError `validation_failed` */
export async function uploadedFile(request: FastifyRequest): Promise<UploadedFile> {
  const part = request.isMultipart() ? await request.file() : undefined;
  if (part !== undefined) return part;
  const expected = 'multipart/form-data with one file in the field "file"';
  const message = `There is no file in the request; ${expected} is expected.`;
  throw new AppError('validation_failed', message, {
    fields: [{ field: 'file', code: 'required', message, expected }],
  });
}
