import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoraFolders } from '../../apps/server/src/adapters/loras/lora-folders.ts';
import { quietLog } from './quiet-log.ts';

/** A library that finds nothing, because its folders are not there. */
export const noLoras: LoraFolders = new LoraFolders({
  shared: [],
  uploads: join(tmpdir(), 'imagemill-no-such-folder'),
  maxBytes: 1_000_000,
  models: { list: () => [] },
  log: quietLog,
});
