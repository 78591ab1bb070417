import type { Generation, GenerationRequestInput, Model, PictureFormat } from '@imagemill/api';
import type { RecallPart } from '../../shared/recall.ts';
import { fitSize, type Size, type SizeLimits } from './size-rules.ts';
import { type DraftTemplate, filledNegativePrompt, filledPrompt } from './template.ts';

/** What the reader has set up but not sent. An absent value stands for the model's own. */
export interface Draft {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly isNegativePromptShown: boolean;
  readonly guidanceScale?: number | undefined;
  readonly model?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly steps?: number | undefined;
  readonly count: number;
  readonly format: PictureFormat;
  /** Absent: the server picks one for every generation. */
  readonly seed?: number | undefined;
  /** Adapters to draw with. */
  readonly loras: readonly DraftLora[];
  /** The picture to start from. */
  readonly image?: DraftImage | undefined;
  /** Asset of the mask: white is repainted. */
  readonly maskId?: string | undefined;
  /** The style or template that the prompt is put into. */
  readonly template?: DraftTemplate | undefined;
  /** What stands in the fields of template and prompt, by their names. */
  readonly values: Readonly<Record<string, string>>;
}

export interface DraftImage {
  readonly assetId: string;
  /** Above 0 to 1: how far the picture may leave the image. */
  readonly strength: number;
}

export interface DraftLora {
  readonly name: string;
  readonly strength: number;
}

export const emptyDraft: Draft = {
  prompt: '',
  negativePrompt: '',
  isNegativePromptShown: false,
  count: 1,
  format: 'png',
  loras: [],
  values: {},
};

/** Reads a draft that was stored, perhaps by another version of the page: what does not fit is dropped. */
export function parseDraft(text: string | null): Draft {
  const stored = parseObject(text);
  const take = <T>(key: keyof Draft, isFit: (value: unknown) => value is T): T | undefined => {
    const value = stored[key];
    return isFit(value) ? value : undefined;
  };
  return {
    prompt: take('prompt', isText) ?? '',
    negativePrompt: take('negativePrompt', isText) ?? '',
    isNegativePromptShown: take('isNegativePromptShown', isFlag) ?? false,
    guidanceScale: take('guidanceScale', isAmount),
    model: take('model', isText),
    width: take('width', isAmount),
    height: take('height', isAmount),
    steps: take('steps', isAmount),
    count: take('count', isAmount) ?? emptyDraft.count,
    format: take('format', isFormat) ?? emptyDraft.format,
    seed: take('seed', isAmount),
    loras: take('loras', areLoras) ?? emptyDraft.loras,
    image: take('image', isImage),
    maskId: take('maskId', isText),
    template: take('template', isTemplate),
    values: take('values', areValues) ?? emptyDraft.values,
  };
}

/** What a draft takes over to draw this generation again, with a seed of its own. */
export function draftOfGeneration(generation: Generation): Partial<Draft> {
  const { count, format } = generation;
  return { ...recalled('remix', generation), count, format };
}

/** What a draft takes over to draw from a picture; a mask belongs to the picture before. */
export function withImage(assetId: string, strength = usualStrength): Pick<Draft, 'image' | 'maskId'> {
  return { image: { assetId, strength }, maskId: undefined };
}

/** The server's own. */
const usualStrength = 0.6;

/** What settings can be taken over from: a generation or a picture of the gallery. */
export type Recallable = Pick<
  Generation,
  'prompt' | 'negativePrompt' | 'guidanceScale' | 'model' | 'width' | 'height' | 'steps' | 'seed'
> & {
  readonly loras: readonly DraftLora[];
  readonly image?: DraftImage | undefined;
  readonly mask?: { readonly assetId: string } | undefined;
};

/** What a draft takes over of a picture; the rest of it stays. */
export function recalled(part: RecallPart, picture: Recallable): Partial<Draft> {
  const { prompt, negativePrompt, guidanceScale, model, width, height, steps, seed, image, mask } = picture;
  const isNegativePromptShown = negativePrompt !== '' || guidanceScale !== 0;
  // The prompt of a picture is what came out of its template.
  const words = { prompt, negativePrompt, isNegativePromptShown, template: undefined };
  const source = { image: image && { assetId: image.assetId, strength: image.strength }, maskId: mask?.assetId };
  const settings = { ...words, guidanceScale, model, width, height, steps, loras: lorasOf(picture), ...source };
  switch (part) {
    case 'seed':
      return { seed };
    case 'prompt':
      return words;
    case 'remix':
      return { ...settings, seed: undefined };
    case 'all':
      return { ...settings, seed, count: 1 };
  }
}

function lorasOf({ loras }: { readonly loras: readonly DraftLora[] }): readonly DraftLora[] {
  return loras.map(({ name, strength }) => ({ name, strength }));
}

/** The model that a draft would be drawn with: the one it names if the server has it, else the default. */
export function modelOfDraft(draft: Draft, models: readonly Model[]): Model | undefined {
  const usable = models.filter((model) => model.state !== 'unusable');
  const isNamed = (model: Model): boolean =>
    model.name === draft.model || model.precisions.some(({ name }) => name === draft.model);
  return usable.find(isNamed) ?? usable.find((model) => model.isDefault) ?? usable[0];
}

/** What a draft asks for the model by: with a precision where one was chosen. */
export function modelNameOf(draft: Draft, model: Model): string {
  return model.precisions.find(({ name, isDefault }) => name === draft.model && !isDefault)?.name ?? model.name;
}

export function sizeLimitsOf(model: Model): SizeLimits {
  const { nativeWidth, nativeHeight, grain, minSide, maxSide, maxPixels } = model;
  return { nativeSide: Math.sqrt(nativeWidth * nativeHeight), grain, minSide, maxSide, maxPixels };
}

/** The size that a draft would be drawn in. */
export function sizeOfDraft(draft: Draft, model: Model): Size {
  const size = { width: draft.width ?? model.nativeWidth, height: draft.height ?? model.nativeHeight };
  return fitSize(size, sizeLimitsOf(model));
}

/** The body to send for a draft. Without a model (none known yet) the server's defaults hold. */
export function requestOfDraft(draft: Draft, model: Model | undefined): GenerationRequestInput {
  const { count, format, seed } = draft;
  const prompt = filledPrompt(draft);
  const negativePrompt = filledNegativePrompt(draft);
  const guidanceScale = draft.isNegativePromptShown ? draft.guidanceScale : undefined;
  // Somebody waits in front of the page.
  const priority = 'interactive';
  const loras = draft.loras.length === 0 ? {} : { loras: draft.loras };
  const { image, maskId } = draft;
  const source = image === undefined ? {} : { image, ...(maskId === undefined ? {} : { mask: { assetId: maskId } }) };
  if (model === undefined) return { prompt, negativePrompt, count, format, seed, priority, ...loras, ...source };
  return {
    priority,
    prompt,
    negativePrompt,
    model: modelNameOf(draft, model),
    ...sizeOfDraft(draft, model),
    steps: clampWhole(draft.steps ?? model.defaultSteps, 1, model.maxSteps),
    guidanceScale: Math.min(model.maxGuidanceScale, guidanceScale ?? model.defaultGuidanceScale),
    count: clampWhole(count, 1, model.maxCount),
    format,
    seed,
    ...loras,
    ...source,
  };
}

export function clampWhole(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.round(value)));
}

/** A seed short enough to be read out; the API takes any whole number up to 2^53 − 1. */
export function rollSeed(random: () => number = Math.random): number {
  return Math.floor(random() * 2 ** 32);
}

function parseObject(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isAmount = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
const areLoras = (value: unknown): value is readonly DraftLora[] =>
  Array.isArray(value) && value.every((one) => isText(one?.name) && Number.isFinite(one?.strength));
const isImage = (value: unknown): value is DraftImage => {
  const { assetId, strength } = { ...(value as Partial<DraftImage> | undefined) };
  return isText(assetId) && Number.isFinite(strength) && Number(strength) > 0 && Number(strength) <= 1;
};
const isTemplate = (value: unknown): value is DraftTemplate => {
  const { name, prompt, negativePrompt } = { ...(value as Partial<DraftTemplate> | undefined) };
  return isText(name) && isText(prompt) && isText(negativePrompt);
};
const areValues = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' && value !== null && Object.values(value).every(isText);
const isFormat = (value: unknown): value is PictureFormat => ['png', 'jpeg', 'webp'].includes(String(value));
