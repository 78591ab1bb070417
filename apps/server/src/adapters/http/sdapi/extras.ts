import { AppError } from '../../../domain/errors.ts';
import type { App } from '../app-type.ts';
import { SdapiError } from './errors.ts';
import type { EnlargeWork, PictureWork } from './pictures-port.ts';
import { decodePicture, type ExtraRequest, extraImageSchema, extraImagesSchema } from './request.ts';

/** Plain resampling under A1111's own names for it; there is no model that enlarges. */
const resamplings: ReadonlyMap<string, EnlargeWork['resampling'] | undefined> = new Map([
  ['None', undefined],
  ['Lanczos', 'lanczos3'],
  ['Nearest', 'nearest'],
]);

export const upscalers = [...resamplings.keys()].map((name) => ({
  name,
  model_name: null,
  model_path: null,
  model_url: null,
  scale: name === 'None' ? 1 : 4,
}));

export function addExtraRoutes(
  app: App,
  { work, bodyLimit }: { readonly work: PictureWork; readonly bodyLimit: number },
): void {
  const config = { permission: 'generations:write' } as const;
  app.post(
    '/sdapi/v1/extra-single-image',
    { config, bodyLimit, schema: { hide: true, body: extraImageSchema } },
    async ({ body }) => ({ html_info: '', image: (await enlarged(body.image, body, work)).image }),
  );

  app.post(
    '/sdapi/v1/extra-batch-images',
    { config, bodyLimit, schema: { hide: true, body: extraImagesSchema } },
    async ({ body }) => {
      const list = body.imageList ?? body.image_list ?? [];
      const images: string[] = [];
      let pixels = 0;
      for (const { data, image } of list) {
        const one = await enlarged(data ?? image ?? '', body, work);
        pixels += one.pixels;
        if (pixels > work.maxPixels) throw tooMany(work);
        images.push(one.image);
      }
      return { html_info: '', images };
    },
  );
}

function tooMany({ maxPixels }: PictureWork): SdapiError {
  return new SdapiError(422, `imageList: the results have more than ${maxPixels} pixels together; send fewer at once`);
}

interface Enlarged {
  /** Base64. */
  readonly image: string;
  /** Of the larger of before and after. */
  readonly pixels: number;
}

/** A picture in base64, enlarged. With the upscaler None it stays as large as it is, as A1111 does it. */
async function enlarged(text: string, body: ExtraRequest, work: PictureWork): Promise<Enlarged> {
  const name = body.upscaler_1 ?? 'None';
  const second = body.upscaler_2 ?? 'None';
  for (const one of [name, second]) {
    if (!resamplings.has(one)) throw new SdapiError(404, `Upscaler not found: ${one.slice(0, 100)}`);
  }
  const picture = decodePicture(text);
  const from = await work.check(picture).catch((error: unknown) => {
    const isRejected = error instanceof AppError && error.code === 'picture_rejected';
    throw isRejected ? new SdapiError(422, `Invalid encoded image: ${error.message}`) : error;
  });
  const resampling = resamplings.get(name);
  const to = resampling === undefined ? { factor: 1 } : targetOf(body);
  const result = await work.enlarge({ picture, resampling: resampling ?? 'lanczos3', to });
  const pixels = 'factor' in to ? from.width * from.height * Math.max(1, to.factor ** 2) : to.width * to.height;
  return { image: Buffer.from(result).toString('base64'), pixels: Math.max(from.width * from.height, pixels) };
}

function targetOf(body: ExtraRequest): EnlargeWork['to'] {
  if (body.resize_mode !== 1) return { factor: body.upscaling_resize ?? 2 };
  const { upscaling_resize_w: width, upscaling_resize_h: height } = body;
  return { width: width || 512, height: height || 512, isCropped: body.upscaling_crop ?? true };
}
