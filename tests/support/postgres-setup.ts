/** Runs once before the tests across packages: one PostgreSQL server for all of them, a database for each file. */
import type { TestProject } from 'vitest/node';
import { postgresPrograms, startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Empty where PostgreSQL is not installed. */
    postgresUrl: string;
  }
}

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (postgresPrograms() === undefined) {
    project.provide('postgresUrl', '');
    return undefined;
  }
  const server = await startPostgres();
  project.provide('postgresUrl', server.url);
  return () => server.remove();
}
