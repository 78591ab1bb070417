import { spawnSync } from 'node:child_process';

/** Whether a program is installed. Missing is said aloud, and a failure in CI unless it is optional. */
export function runsHere(program: string, args: readonly string[], need: 'needed' | 'optional' = 'needed'): boolean {
  if (spawnSync(program, args).status === 0) return true;
  if (need === 'needed' && process.env['CI'] === 'true') {
    throw new Error(`${program} is missing; run scripts/install-test-services.sh`);
  }
  process.stderr.write(`SKIPPED: ${program} is not installed\n`);
  return false;
}
