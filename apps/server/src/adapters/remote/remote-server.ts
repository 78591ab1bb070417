import type { EngineItem } from '../../application/engine-port.ts';
import type { Notice } from '../../domain/notice.ts';

export interface RemoteFacts {
  /** What it is, for provenance and the list of engines: `openai`, `sd-server`, `localai`, `comfyui`. */
  readonly kind: string;
  /** Facts for people. */
  readonly notes: readonly Notice[];
}

/** The API of one kind of remote engine. */
export interface RemoteServer {
  /** As configured, without a slash at the end. */
  readonly baseUrl: string;
  /** Whether it is there and works. @throws RemoteFault */
  probe(signal: AbortSignal): Promise<RemoteFacts>;
  /** Bytes of one picture, in any format. Aborting stops it there too, where that can be done. @throws RemoteFault */
  draw(item: EngineItem, options: DrawOptions): Promise<Uint8Array>;
}

export interface DrawOptions {
  readonly signal: AbortSignal;
  /** Told where the engine reports its steps. */
  readonly step: (step: number, steps: number) => void;
}
