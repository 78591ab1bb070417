import type { FastifyRequest } from 'fastify';
import { AppError } from '../../../domain/errors.ts';
import { readBounded } from '../uploaded-file.ts';
import { validationError } from '../validation.ts';
import { type EditRequest, editRequestSchema } from './schema.ts';

export interface EditForm {
  readonly body: EditRequest;
  readonly image: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

/** The parts of an edit: a form with files, or JSON with pictures as data URLs. @throws AppError */
export async function readEdit(request: FastifyRequest, maxBytes: number): Promise<EditForm> {
  const { body, images, mask } = request.isMultipart() ? await readForm(request, maxBytes) : readJson(request.body);
  const [image] = images;
  if (image === undefined)
    throw refused('image', 'required', 'There is no picture to edit: the field image is missing.');
  if (images.length > 1) {
    throw refused('image', 'too_big', `${images.length} pictures were sent; this model edits one at a time.`);
  }
  return { body, image, mask };
}

interface Parts {
  readonly body: EditRequest;
  readonly images: readonly Uint8Array[];
  readonly mask: Uint8Array | undefined;
}

async function readForm(request: FastifyRequest, maxBytes: number): Promise<Parts> {
  const fields: Record<string, unknown> = {};
  const images: Uint8Array[] = [];
  let mask: Uint8Array | undefined;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      if (part.value !== '') fields[part.fieldname.replace(/\[\]$/, '')] = part.value;
    } else if (part.fieldname === 'mask') mask = await readBounded(part.file, maxBytes);
    else if (/^image(\[\d*\])?$/.test(part.fieldname)) images.push(await readBounded(part.file, maxBytes));
    else
      throw refused(
        part.fieldname,
        'unknown_field',
        `The form has a file in the field ${part.fieldname}, which is not known.`,
      );
  }
  return { body: parse(fields), images, mask };
}

function readJson(input: unknown): Parts {
  const body = parse(input);
  const images = (body.images ?? []).map((image, at) => fromDataUrl(image.image_url, `images.${at}`));
  return { body, images, mask: body.mask && fromDataUrl(body.mask.image_url, 'mask') };
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
    `${field} must be an image_url that holds the picture itself: data:image/png;base64,…`,
  );
}

function refused(field: string, code: string, message: string): AppError {
  return new AppError('validation_failed', message, { fields: [{ field, code, message, expected: message }] });
}
