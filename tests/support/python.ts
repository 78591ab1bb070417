import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../.cache/python/bin', import.meta.url));

/** Path of a command of the Python packages that tests use; undefined where they are not installed. */
export function pythonTool(name: 'python' | 'schemathesis'): string | undefined {
  const path = `${folder}/${name}`;
  return existsSync(path) ? path : undefined;
}

/** Whether there are the Python packages to test with. In CI there have to be. */
export function hasPython(): boolean {
  if (pythonTool('schemathesis') !== undefined) return true;
  const message = 'The Python packages of the tests are not installed; scripts/install-test-services.sh does so.';
  if (process.env['CI'] === 'true') throw new Error(message);
  process.stderr.write(`\nSKIPPED: ${message}\n`);
  return false;
}
