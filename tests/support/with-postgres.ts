import { describe, inject } from 'vitest';
import './postgres-setup.ts';
import { createDatabase } from './postgres-server.ts';

/** Tests that need PostgreSQL: skipped aloud where it is not installed, and failing there when CI=true. */
export function describeWithPostgres(name: string, tests: () => void): void {
  const isHere = inject('postgresUrl') !== '';
  if (!isHere && process.env['CI'] !== 'true') {
    process.stderr.write(`skipped: ${name} (PostgreSQL is not installed: apt-get install postgresql)\n`);
  }
  describe.skipIf(!isHere && process.env['CI'] !== 'true')(name, tests);
}

/** An empty database on the server of the tests. */
export function newDatabase(): ReturnType<typeof createDatabase> {
  return createDatabase(inject('postgresUrl'));
}
