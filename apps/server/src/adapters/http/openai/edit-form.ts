import type { FastifyRequest } from 'fastify';
import type { ManageFiles } from '../../../application/manage-files.ts';
import { AppError, type FieldFaultCode } from '../../../domain/errors.ts';
import { fileId, type TenantId } from '../../../domain/ids.ts';
import { readBounded } from '../uploaded-file.ts';
import { validationError } from '../validation.ts';
import { FormFields } from './form-fields.ts';
import { type EditRequest, editRequestSchema } from './schema.ts';

export interface EditForm {
  readonly body: EditRequest;
  readonly image: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

/** The parts of an edit: a form with files, or JSON with pictures as data URLs. @throws AppError */
export async function readEdit(request: FastifyRequest, maxBytes: number, fileOf: PictureOf): Promise<EditForm> {
  return request.isMultipart()
    ? single(await readForm(request, maxBytes))
    : readEditJson(request.body, { fileOf, maxBytes });
}

/** The bytes of a file of the caller. @throws AppError `file_not_found`, `upload_too_large` */
export type PictureOf = (id: string) => Promise<Uint8Array>;

export function pictureOf(
  tenantId: TenantId,
  { files, maxUploadBytes }: { readonly files: Pick<ManageFiles, 'open'>; readonly maxUploadBytes: number },
): PictureOf {
  return async (id) => {
    const { bytes } = await files.open({ tenantId, id: fileId(id) });
    return readBounded(bytes, maxUploadBytes);
  };
}

interface JsonSources {
  readonly fileOf: PictureOf;
  /** Of one picture. */
  readonly maxBytes: number;
}

/** An edit as JSON, with pictures as data URLs or as files. @throws AppError */
export async function readEditJson(input: unknown, sources: JsonSources): Promise<EditForm> {
  const body = parse(input);
  const wanted = body.images ?? [];
  if (wanted.length > 1) throw tooMany(wanted.length, 'images');
  const images = [];
  for (const [at, image] of wanted.entries()) images.push(await bytesOf(image, `images.${at}`, sources));
  return single({ body, images, mask: body.mask && (await bytesOf(body.mask, 'mask', sources)) });
}

function single({ body, images, mask }: Parts): EditForm {
  const [image] = images;
  if (image === undefined)
    throw refused('image', 'required', 'There is no picture to edit: the field image is missing.');
  return { body, image, mask };
}

interface Parts {
  readonly body: EditRequest;
  readonly images: readonly Uint8Array[];
  readonly mask: Uint8Array | undefined;
}

async function readForm(request: FastifyRequest, maxBytes: number): Promise<Parts> {
  const fields = new FormFields();
  const images: Uint8Array[] = [];
  let count = 0;
  let mask: Uint8Array | undefined;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      fields.add(part.fieldname, part.value);
    } else if (part.fieldname === 'mask') mask = await readBounded(part.file, maxBytes);
    else if (/^image(\[\d*\])?$/.test(part.fieldname)) {
      count += 1;
      // Those after the first are only counted.
      if (count === 1) images.push(await readBounded(part.file, maxBytes));
      else part.file.resume();
    } else
      throw refused(
        part.fieldname,
        'unknown_field',
        `The form has a file in the field ${part.fieldname}, which is not known.`,
      );
  }
  if (count > 1) throw tooMany(count, 'image');
  return { body: parse(fields.body), images, mask };
}

function bytesOf(
  { image_url, file_id }: NonNullable<EditRequest['mask']>,
  field: string,
  { fileOf, maxBytes }: JsonSources,
): Promise<Uint8Array> {
  return file_id === undefined ? readBounded([fromDataUrl(image_url, field)], maxBytes) : fileOf(file_id);
}

function tooMany(count: number, field: 'image' | 'images'): AppError {
  const message = `${count} pictures were sent in ${field}; the model draws from one. Send one picture, or one request for each.`;
  const fault = { field, code: 'too_many_pictures', message, got: String(count), expected: 'one picture' } as const;
  return new AppError('validation_failed', message, { fields: [fault] });
}

function parse(input: unknown): EditRequest {
  const parsed = editRequestSchema.safeParse(input);
  if (!parsed.success) throw validationError(parsed.error, input);
  return parsed.data;
}

function fromDataUrl(url: string | undefined, field: string): Uint8Array {
  const [, data] = /^data:image\/(?:png|jpeg|webp);base64,([A-Za-z0-9+/=]+)$/.exec(url ?? '') ?? [];
  if (data !== undefined) return Buffer.from(data, 'base64');
  throw refused(
    field,
    'invalid_value',
    `${field} must be a file_id, or an image_url that holds the picture itself: data:image/png;base64,…`,
  );
}

function refused(field: string, code: FieldFaultCode, message: string): AppError {
  return new AppError('validation_failed', message, { fields: [{ field, code, message, expected: message }] });
}
