import type { Model } from '@imagemill/onnx';
import type { OpenOptions } from '../../runtime.ts';
import type { LayerRange } from './layer-ranges.ts';
import {
  buildBlocksGraph,
  buildCaptionGraph,
  buildFinalGraph,
  buildImageGraph,
  type TransformerGraphOptions,
} from './transformer-graph.ts';

/** A session of the transformer: caption (once per prompt), and per step image, ranges of layers, final. */
export type TransformerPart = 'caption' | 'image' | 'final' | LayerRange;

/** Starts of the names of the linear layers in a part. */
export function layerPrefixes(part: TransformerPart): readonly string[] {
  if (part === 'caption') return ['cap_embedder.', 'context_refiner.'];
  if (part === 'image') return ['t_embedder.', 'all_x_embedder.', 'noise_refiner.'];
  if (part === 'final') return ['all_final_layer.'];
  return Array.from({ length: part.to - part.from }, (_, at) => `layers.${part.from + at}.`);
}

/** The graph of a part and how it is to be opened. @param masked see `BlocksGraphOptions` */
export function buildPart(
  part: TransformerPart,
  graph: TransformerGraphOptions,
  masked: boolean,
): { readonly model: Model; readonly open: OpenOptions } {
  switch (part) {
    case 'caption':
      return { model: buildCaptionGraph(graph), open: {} };
    case 'image':
      return { model: buildImageGraph(graph), open: { keepOnDevice: ['tokens', 'time'] } };
    case 'final':
      return { model: buildFinalGraph(graph), open: {} };
    default:
      return {
        model: buildBlocksGraph({ ...graph, ...part, masked }),
        open: { keepOnDevice: [part.from === 0 ? 'sequence' : 'next'] },
      };
  }
}
