import sharp from 'sharp';

/** Words in a corner that say that a picture was generated. */
export interface VisibleMark {
  readonly language: 'zh' | 'en';
  readonly corner: 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';
  /** Height of the letters, in percent of the picture's shorter side. */
  readonly heightPercent: number;
}

/**
 * 8-bit RGB `[height, width, 3]` with the mark drawn into it: white strokes with a dark edge, readable on any ground.
 * The letters are strokes of our own, so no font has to be installed. A picture too narrow for the words gets them as
 * high as fits; at 5 percent they fit every shape.
 */
export async function drawVisibleMark(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number },
  mark: VisibleMark,
): Promise<Uint8Array> {
  const { width, height } = size;
  const { paths, width: unitWidth } = layOut(words[mark.language]);
  const shorter = Math.min(width, height);
  const margin = Math.ceil(shorter * MARGIN);
  const wanted = (shorter * mark.heightPercent) / 100 / UNITS;
  const scale = Math.min(wanted, (width - 2 * margin) / (unitWidth + 2 * PAD));
  const box = { width: Math.ceil((unitWidth + 2 * PAD) * scale), height: Math.ceil((UNITS + 2 * PAD) * scale) };
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${box.width}" height="${box.height}"><g transform="scale(${scale}) translate(${PAD} ${PAD})" fill="none" stroke-linecap="round" stroke-linejoin="round"><path d="${paths}" stroke="#000" stroke-opacity="0.6" stroke-width="${EDGE}"/><path d="${paths}" stroke="#fff" stroke-width="${STROKE}"/></g></svg>`;
  const left = mark.corner.endsWith('left') ? margin : width - margin - box.width;
  const top = mark.corner.startsWith('top') ? margin : height - margin - box.height;
  const marked = sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg), left: Math.max(0, left), top: Math.max(0, top) }])
    .removeAlpha();
  return new Uint8Array(await marked.raw().toBuffer());
}

/** Letters are this high, in units of the paths below. */
const UNITS = 100;
const STROKE = 11;
const EDGE = 21;
const PAD = EDGE / 2;
const GAP = 24;
/** Share of the shorter side between mark and border. */
const MARGIN = 0.02;

const words = { zh: 'AI生成', en: 'AI GENERATED' } as const;

interface Glyph {
  readonly width: number;
  /** Strokes, each starting with an absolute M. */
  readonly strokes: readonly (readonly (string | number)[])[];
}

/** Strokes as commands and numbers: x and y alternate, from the left and from the top. */
const glyphs: Readonly<Record<string, Glyph>> = {
  ' ': { width: 20, strokes: [] },
  A: {
    width: 72,
    strokes: [
      ['M', 0, 100, 'L', 36, 0, 'L', 72, 100],
      ['M', 12, 66, 'L', 60, 66],
    ],
  },
  I: { width: 6, strokes: [['M', 3, 0, 'L', 3, 100]] },
  G: {
    width: 70,
    strokes: [
      ['M', 68, 20, 'C', 60, 6, 48, 0, 37, 0, 'C', 14, 0, 0, 20, 0, 50, 'C', 0, 80, 14, 100, 37, 100],
      ['M', 37, 100, 'C', 56, 100, 70, 88, 70, 72, 'L', 70, 56, 'L', 42, 56],
    ],
  },
  E: {
    width: 54,
    strokes: [
      ['M', 54, 0, 'L', 0, 0, 'L', 0, 100, 'L', 54, 100],
      ['M', 0, 48, 'L', 46, 48],
    ],
  },
  N: { width: 62, strokes: [['M', 0, 100, 'L', 0, 0, 'L', 62, 100, 'L', 62, 0]] },
  R: {
    width: 60,
    strokes: [
      ['M', 0, 100, 'L', 0, 0, 'L', 32, 0, 'C', 50, 0, 58, 12, 58, 26, 'C', 58, 42, 48, 52, 32, 52, 'L', 0, 52],
      ['M', 30, 52, 'L', 60, 100],
    ],
  },
  T: {
    width: 64,
    strokes: [
      ['M', 0, 0, 'L', 64, 0],
      ['M', 32, 0, 'L', 32, 100],
    ],
  },
  D: {
    width: 64,
    strokes: [
      ['M', 0, 0, 'L', 0, 100, 'L', 28, 100, 'C', 52, 100, 64, 80, 64, 50, 'C', 64, 20, 52, 0, 28, 0, 'L', 0, 0],
    ],
  },
  生: {
    width: 98,
    strokes: [
      ['M', 26, 3, 'C', 24, 16, 15, 33, 4, 43],
      ['M', 19, 26, 'L', 90, 26],
      ['M', 14, 60, 'L', 86, 60],
      ['M', 51, 0, 'L', 51, 98],
      ['M', 0, 98, 'L', 98, 98],
    ],
  },
  成: {
    width: 98,
    strokes: [
      ['M', 12, 24, 'L', 96, 24],
      ['M', 13, 24, 'L', 13, 54, 'C', 13, 72, 9, 86, 0, 99],
      ['M', 13, 52, 'L', 41, 52, 'C', 41, 68, 40, 80, 37, 85, 'C', 35, 89, 29, 88, 23, 86],
      ['M', 54, 0, 'C', 55, 42, 65, 78, 84, 95, 'C', 91, 100, 95, 96, 97, 80],
      ['M', 88, 44, 'C', 79, 67, 62, 87, 44, 98],
      ['M', 71, 1, 'L', 85, 11],
    ],
  },
};

function layOut(text: string): { readonly paths: string; readonly width: number } {
  let x = 0;
  const paths: string[] = [];
  for (const letter of text) {
    const glyph = glyphs[letter];
    if (glyph === undefined) continue;
    for (const stroke of glyph.strokes) paths.push(moved(stroke, x));
    x += glyph.width + GAP;
  }
  return { paths: paths.join(' '), width: x - GAP };
}

/** The stroke further to the right: every other number is an x. */
function moved(stroke: readonly (string | number)[], by: number): string {
  let isX = true;
  return stroke
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = isX ? part + by : part;
      isX = !isX;
      return value;
    })
    .join(' ');
}
