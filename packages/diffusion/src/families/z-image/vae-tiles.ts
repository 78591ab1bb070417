import type { VaeConfig } from './config.ts';
import type { Planes, Size } from './vae.ts';

/**
 * Tiled decode as in diffusers' AutoencoderKL: tiles of `sampleSize` pixels overlap by a quarter, neighbours are blended
 * linearly over the overlap, and each tile keeps three quarters of its side.
 */
export interface TilePlan {
  /** Size of the whole picture in pixels. */
  readonly size: Size;
  /** Pixels over which neighbours are blended. */
  readonly blend: number;
  /** Pixels from the start of one tile to the start of the next, which are those that a tile keeps. */
  readonly keep: number;
  readonly rows: number;
  readonly columns: number;
  /** In latent pixels, row by row. */
  readonly tiles: readonly ({ readonly x: number; readonly y: number } & Size)[];
}

const overlap = 0.25;

/** @param latent size in latent pixels */
export function planTiles(config: VaeConfig, latent: Size): TilePlan {
  const tile = Math.max(1, Math.floor(config.sampleSize / config.factor));
  const stride = Math.max(1, Math.floor(tile * (1 - overlap)));
  // In whole latent pixels, so that a tile whose side is no multiple of four is still put where it was cut.
  const blend = (tile - stride) * config.factor;
  const fits = latent.width <= tile && latent.height <= tile;
  const starts = (length: number): number[] =>
    Array.from({ length: fits ? 1 : Math.ceil(length / stride) }, (_, at) => at * stride);
  const [ys, xs] = [starts(latent.height), starts(latent.width)];
  return {
    size: { width: latent.width * config.factor, height: latent.height * config.factor },
    blend,
    keep: (fits ? tile : stride) * config.factor,
    rows: ys.length,
    columns: xs.length,
    tiles: ys.flatMap((y) =>
      xs.map((x) => ({ x, y, width: Math.min(tile, latent.width - x), height: Math.min(tile, latent.height - y) })),
    ),
  };
}

/** Blends decoded tiles in place and joins them. @param tiles in the order of the plan */
export function blendTiles(plan: TilePlan, tiles: readonly Planes[], channels: number): Planes {
  const { size, blend, keep, columns } = plan;
  const values = new Float32Array(channels * size.width * size.height);
  tiles.forEach((tile, at) => {
    const above = at >= columns ? tiles[at - columns] : undefined;
    const left = at % columns > 0 ? tiles[at - 1] : undefined;
    if (above !== undefined)
      blendEdge(above, tile, { channels, extent: Math.min(blend, above.height, tile.height), vertical: true });
    if (left !== undefined)
      blendEdge(left, tile, { channels, extent: Math.min(blend, left.width, tile.width), vertical: false });
    const [top, start] = [Math.floor(at / columns) * keep, (at % columns) * keep];
    const [height, width] = [
      Math.min(keep, tile.height, size.height - top),
      Math.min(keep, tile.width, size.width - start),
    ];
    for (let channel = 0; channel < channels; channel += 1) {
      for (let row = 0; row < height; row += 1) {
        const from = (channel * tile.height + row) * tile.width;
        values.set(tile.values.subarray(from, from + width), (channel * size.height + top + row) * size.width + start);
      }
    }
  });
  return { ...size, values };
}

/** Fades the end of `before` into the start of `after`, over `extent` rows or columns. */
function blendEdge(
  before: Planes,
  after: Planes,
  { channels, extent, vertical }: { channels: number; extent: number; vertical: boolean },
): void {
  const across = vertical ? Math.min(before.width, after.width) : Math.min(before.height, after.height);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let step = 0; step < extent; step += 1) {
      const weight = step / extent;
      for (let other = 0; other < across; other += 1) {
        const from = vertical
          ? (channel * before.height + before.height - extent + step) * before.width + other
          : (channel * before.height + other) * before.width + before.width - extent + step;
        const to = vertical
          ? (channel * after.height + step) * after.width + other
          : (channel * after.height + other) * after.width + step;
        after.values[to] = before.values[from]! * (1 - weight) + after.values[to]! * weight;
      }
    }
  }
}
