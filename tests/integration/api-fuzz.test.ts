import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hasPython } from '../support/python.ts';

const script = fileURLToPath(new URL('../../scripts/fuzz-api.ts', import.meta.url));

describe.skipIf(!hasPython())('generated requests to every route', () => {
  it('meet no fault of the server, no answer that is not documented, and no end of patience', async () => {
    const args = [script, '--examples', '4', '--seed', '1', '--stateful'];
    // What it found stands in the error, with the request that shows it again.
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 100_000_000 });
    const [line = '', count = ''] = /fuzz: seed 1, (\d+) requests, nothing found/.exec(stdout) ?? [];
    process.stdout.write(`${line}\n`);
    expect(Number(count)).toBeGreaterThan(2_000);
  }, 600_000);
});
