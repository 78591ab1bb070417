import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks', testTimeout: 60_000, hookTimeout: 120_000 } as const;
// Browsers, databases and processes on a crowded machine may miss a moment; what needed its second try is named at the end.
const retry = process.env['CI'] === 'true' ? 1 : 0;

export default defineConfig({
  test: {
    reporters: ['default', './scripts/closing-line-reporter.ts'],
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts', 'apps/server/src/{domain,application}/**/*.ts'],
      exclude: ['**/*.test.ts', '**/index.ts'],
    },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['tests/{integration,contracts}/**/*.test.ts'],
          globalSetup: ['tests/support/postgres-setup.ts'],
          testTimeout: 180_000,
          retry,
        },
      },
      {
        test: {
          ...shared,
          // What stands on other tables than those of jobs, once more with the records in PostgreSQL.
          name: 'postgres',
          include: [
            'tests/integration/{alerts,authentication,bulks,faults,openai-batch,retention,tenant-isolation,webhooks}.test.ts',
            'tests/integration/server-{pictures,quality,queue,result-cache,sdapi}.test.ts',
          ],
          globalSetup: ['tests/support/postgres-setup.ts'],
          env: { TEST_RECORDS: 'postgres' },
          testTimeout: 180_000,
          retry,
        },
      },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          fileParallelism: false,
          retry,
        },
      },
    ],
  },
});
