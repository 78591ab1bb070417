/**
 * Sends generated requests, right and wrong, to every route of a server of its own, and fails on a 5xx, on a status, a
 * type or a body that the OpenAPI document does not have, on a wrong request that is accepted, and on one that hangs.
 * Schemathesis (MIT) makes the requests; `scripts/install-test-services.sh` installs it.
 *
 *     node scripts/fuzz-api.ts [--examples 20] [--seed 1] [--only <pattern of paths>] [--stateful]
 *
 * Prints the seed and the number of requests. Exit code 0 when nothing was found.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pythonTool } from '../tests/support/python.ts';
import { ServerFolder } from '../tests/support/server-process.ts';

const { values } = parseArgs({
  options: {
    /** Requests that each route gets, beside those at the borders of every field. */
    examples: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    /** Sequences of requests too, each with ids that an earlier one answered. */
    stateful: { type: 'boolean', default: false },
  },
});
const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const config = fileURLToPath(new URL('./fuzz-api.toml', import.meta.url));
const schemathesis = pythonTool('schemathesis');
if (schemathesis === undefined) {
  process.stderr.write('schemathesis is not installed; scripts/install-test-services.sh does so.\n');
  process.exit(1);
}
const phases = ['examples', 'coverage', 'fuzzing', ...(values.stateful ? ['stateful'] : [])];
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
];

const folder = await ServerFolder.create();
try {
  const server = await folder.start({ model, device: 'fixed:0', slots: 8, logLevel: 'error' });
  const options = [
    ...['--phases', phases.join(','), '--checks', checks.join(',')],
    ...['--max-examples', values.examples, '--seed', values.seed, '--request-timeout', '20'],
    ...['--continue-on-failure', '--suppress-health-check', 'all', '--warnings', 'off', '--no-shrink', '--no-color'],
    ...['--generation-database', 'none'],
    ...(values.only === undefined ? [] : ['--include-path-regex', values.only]),
  ];
  const args = ['--config-file', config, 'run', `${server.url}/openapi.json`, ...options];
  const child = spawn(schemathesis, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'inherit'] });
  // Told to stop, it says what it found so far.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGINT'));
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
    process.stdout.write(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const count = /(\d+) generated/.exec(said)?.[1] ?? 'no';
  process.stdout.write(`fuzz: seed ${values.seed}, ${count} requests, ${code === 0 ? 'nothing found' : 'see above'}\n`);
  await server.stop('SIGTERM');
  process.exitCode = code ?? 1;
} finally {
  await folder.remove();
}
