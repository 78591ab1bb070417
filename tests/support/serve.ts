/** Runs a server in a process of its own, with the settings of the first argument and the role of the second; says in one line why it cannot. */
import { loadConfig } from '../../apps/server/src/config/load.ts';
import { type Role, serve } from '../../apps/server/src/main/serve.ts';

try {
  const role = process.argv[3] as Role | undefined;
  await serve(loadConfig({ overrides: JSON.parse(process.argv[2] ?? '{}') }), { withParent: false, role });
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stderr.write(`error: ${message} [${code}]\n`);
  process.exit(1);
}
