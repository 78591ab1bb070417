import type { MaskAct } from './strokes.ts';

/**
 * Draws a mask on a canvas: what is repainted is opaque in the colour given, the rest transparent. `base` is a mask
 * that was painted before, in the same form.
 */
export function paint(
  canvas: HTMLCanvasElement,
  acts: readonly MaskAct[],
  look: { readonly colour: string; readonly base: CanvasImageSource | undefined },
): void {
  const context = contextOf(canvas);
  const { width, height } = canvas;
  context.globalCompositeOperation = 'source-over';
  context.clearRect(0, 0, width, height);
  if (look.base !== undefined) context.drawImage(look.base, 0, 0, width, height);
  context.strokeStyle = look.colour;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const act of acts) {
    if (act.kind === 'clear') context.clearRect(0, 0, width, height);
    else if (act.kind === 'invert') fillWith(context, look.colour, 'xor');
    else drawStroke(context, act);
  }
  fillWith(context, look.colour, 'source-in');
}

function drawStroke(context: CanvasRenderingContext2D, { erases, size, points }: MaskAct & { kind: 'stroke' }): void {
  context.globalCompositeOperation = erases ? 'destination-out' : 'source-over';
  context.lineWidth = size;
  context.beginPath();
  for (const [index, { x, y }] of points.entries()) {
    if (index === 0) context.moveTo(x, y);
    // A line of no length would not be drawn: a single point is a dot.
    context.lineTo(index === 0 ? x + 0.01 : x, y);
  }
  context.stroke();
}

function fillWith(context: CanvasRenderingContext2D, colour: string, operation: GlobalCompositeOperation): void {
  context.globalCompositeOperation = operation;
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

/** The mask as the API wants it: a PNG, white where it is repainted, black elsewhere. */
export function maskFile(canvas: HTMLCanvasElement): Promise<Blob> {
  const file = blankLike(canvas);
  const context = contextOf(file);
  const white = blankLike(canvas);
  contextOf(white).drawImage(canvas, 0, 0);
  fillWith(contextOf(white), '#fff', 'source-in');
  fillWith(context, '#000', 'source-over');
  context.drawImage(white, 0, 0);
  return new Promise((resolve, reject) => {
    file.toBlob((blob) => (blob === null ? reject(new Error('The mask could not be encoded.')) : resolve(blob)));
  });
}

/** A mask file as a canvas that is opaque where the file is white. */
export function opaqueWhereWhite(image: HTMLImageElement, size: { width: number; height: number }): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement('canvas'), size);
  const context = contextOf(canvas);
  context.drawImage(image, 0, 0, size.width, size.height);
  const pixels = context.getImageData(0, 0, size.width, size.height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = (pixels.data[at] ?? 0) >= 128 ? 255 : 0;
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Whether anything is to be repainted. */
export function isBlank(canvas: HTMLCanvasElement): boolean {
  const { data } = contextOf(canvas).getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) >= 128) return false;
  return true;
}

function blankLike({ width, height }: HTMLCanvasElement): HTMLCanvasElement {
  return Object.assign(document.createElement('canvas'), { width, height });
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('The browser gives no canvas to draw on.');
  return context;
}
