import type { Reporter, TestModule } from 'vitest/node';

/** Prints `N passed, N failed, N skipped` on a line of its own after every run; CI reads that line. */
class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    let brokenModules = 0;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        count[test.result().state] += 1;
        const retries = test.diagnostic()?.retryCount ?? 0;
        if (retries > 0)
          process.stdout.write(`\nFLAKY: ${test.fullName} (${module.moduleId}) took ${retries} more tries\n`);
      }
      if (module.errors().length > 0) brokenModules += 1;
    }
    const failed = count.failed + count.pending + brokenModules + unhandledErrors.length;
    process.stdout.write(`\n${count.passed} passed, ${failed} failed, ${count.skipped} skipped\n`);
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter file by its default export
export default ClosingLineReporter;
