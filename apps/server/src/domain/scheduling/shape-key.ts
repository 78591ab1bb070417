/** What has to be equal for jobs that one model call can draw. */
export interface Shape {
  readonly model: string;
  readonly width: number;
  readonly height: number;
}

/** `256x256 demo` */
export function shapeKeyOf({ model, width, height }: Shape): string {
  return `${width}x${height} ${model}`;
}

export function modelOfShapeKey(shapeKey: string): string {
  return shapeKey.slice(shapeKey.indexOf(' ') + 1);
}

/** `256x256`; empty for a key without a size. */
export function sizeOfShapeKey(shapeKey: string): string {
  return /^\d+x\d+/.exec(shapeKey)?.[0] ?? '';
}
