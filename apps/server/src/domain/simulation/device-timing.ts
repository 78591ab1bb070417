/**
 * How long a device draws. Pure.
 *
 * A timing is measured, published, or derived: then it is the arithmetic of Z-Image-Turbo over the rate that a device
 * reaches. One forward of the transformer over S tokens of D channels in L layers takes
 * `L · (353.9 MFLOP · S + 4 · S² · D)`: 56.6 TFLOP at 1024².
 */
export interface DeviceTiming {
  readonly name: string;
  /** Where the figure is from. */
  readonly source: 'measured' | 'published' | 'derived' | 'given';
  readonly note: string;
  /** Arithmetic that the device does while it draws 1024², in TFLOP a second. */
  readonly teraflops: number;
  /** Price of an hour; undefined when nobody said. */
  readonly pricePerHour?: number | undefined;
}

export interface PictureShape {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Devices by name. Rates of derived ones are 60 % of the peak in bf16, which mid-sized cards reach. The A10G's price is
 * that of the specification, 3,500 CNY a month.
 */
export const deviceTimings: readonly DeviceTiming[] = [
  derived('A10G', 70, 3_500 / 730),
  derived('L4', 121),
  derived('L40S', 362),
  derived('4090', 165),
  {
    name: 'H100',
    source: 'published',
    note: '201.8 ms a forward at 1024², compiled',
    teraflops: 56.6 / 0.2018,
  },
];

/** A device that draws a picture of 1024² in eight steps in so many seconds. */
export function deviceOfSeconds(
  name: string,
  seconds: number,
  known: Pick<DeviceTiming, 'pricePerHour'> = {},
): DeviceTiming {
  const picture = { width: 1024, height: 1024 };
  const tera = 8 * forwardTeraflops(picture) + fixedTeraflops(picture);
  const note = `${seconds} s for 1024² in 8 steps`;
  return { name, source: 'given', note, teraflops: tera / seconds, pricePerHour: known.pricePerHour };
}

/** Tokens of a picture with its caption, as the transformer sees them. */
export function tokensOf({ width, height }: PictureShape): number {
  return Math.ceil((width * height) / PIXELS_A_TOKEN / 32) * 32 + CAPTION_TOKENS;
}

/** Device time of one forward with so many pictures in it, in ms. Short calls use a device less well than long ones. */
export function stepMs(device: DeviceTiming, shape: PictureShape, pictures: number): number {
  const use = useOf(tokensOf(shape) * pictures) / useOf(tokensOf({ width: 1024, height: 1024 }));
  return (1_000 * pictures * forwardTeraflops(shape)) / (device.teraflops * use);
}

/** Device time of the prompt and of the decoding of one picture, in ms. */
export function fixedMs(device: DeviceTiming, shape: PictureShape): number {
  return (1_000 * fixedTeraflops(shape)) / device.teraflops;
}

function derived(name: string, peakTeraflops: number, pricePerHour?: number): DeviceTiming {
  const note = `60 % of ${peakTeraflops} TFLOP/s`;
  return { name, source: 'derived', note, teraflops: 0.6 * peakTeraflops, pricePerHour };
}

/** Arithmetic of one forward of the transformer over one picture. */
export function forwardTeraflops(shape: PictureShape): number {
  const tokens = tokensOf(shape);
  return (LAYERS * (LINEAR_FLOP * tokens + 4 * tokens ** 2 * CHANNELS)) / 1e12;
}

/** Text encoder of 128 tokens, and the VAE's decoder. */
function fixedTeraflops({ width, height }: PictureShape): number {
  return 0.91 + (10.5 * width * height) / 1024 ** 2;
}

/** Part of its best rate that a device reaches in a call over so many tokens. */
function useOf(tokens: number): number {
  return tokens / (tokens + HALF_USE_TOKENS);
}

/** 30 layers and two refiners over the picture. */
const LAYERS = 32;
const CHANNELS = 3_840;
const LINEAR_FLOP = 353.9e6;
const PIXELS_A_TOKEN = 256;
const CAPTION_TOKENS = 128;
/** A call over this many tokens reaches half the best rate: an assumption, by which four pictures of 512² gain 23 %. */
const HALF_USE_TOKENS = 400;
