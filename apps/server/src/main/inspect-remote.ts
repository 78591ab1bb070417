/** Wiring of the quality gate for pictures that a remote engine drew: they are measured where they are decoded. */
import type { Inspector } from '../adapters/inference/inspector.ts';
import { measurePicture } from '../adapters/inference/measure-picture.ts';
import type { RemoteEngineOptions } from '../adapters/remote/remote-engine.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';

/**
 * Without scoring models nothing of inference is loaded here. With them their runs hold up this process: they are small.
 * A model that cannot be opened fails the picture, and is tried again with the next one.
 */
export function remoteInspector(
  { safetyModel: unsafe, aestheticModel: aesthetic }: Pick<Config, 'safetyModel' | 'aestheticModel'>,
  log: Logger,
): NonNullable<RemoteEngineOptions['inspect']> {
  if (unsafe === undefined && aesthetic === undefined) return async (pixels) => measurePicture(pixels);
  let opened: Promise<Inspector> | undefined;
  const open = async (): Promise<Inspector> => {
    const { openInspector } = await import('../adapters/inference/inspector.ts');
    return openInspector({ unsafe, aesthetic }, (event) => {
      if (event.type === 'log') log[event.level](event.fields, event.message);
    });
  };
  return async (pixels) => {
    opened ??= open();
    const inspector = await opened.catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return inspector.measure(pixels);
  };
}
