/** Runs a server in a process of its own, with the settings of the first argument; says in one line why it cannot. */
import { loadConfig } from '../../apps/server/src/config/load.ts';
import { serve } from '../../apps/server/src/main/serve.ts';

try {
  await serve(loadConfig({ overrides: JSON.parse(process.argv[2] ?? '{}') }), { withParent: false });
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stderr.write(`error: ${message} [${code}]\n`);
  process.exit(1);
}
