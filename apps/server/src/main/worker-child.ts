/** Entry of a worker that a scaler starts: its first message has the settings, and it drains when the channel closes. */
import type { Config } from '../config/load.ts';
import { serve } from './serve.ts';
import { untilToldToStop } from './shutdown.ts';

// From the first moment on: a scaler may close the channel of a worker that is still starting.
const toldToStop = untilToldToStop({ withParent: true });

process.once('message', (config: Config) => {
  serve(config, { withParent: true, role: 'worker', toldToStop }).catch((error: unknown) => {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
});
