import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Much of the suite waits for processes that it started, so two files at a time pay even on two cores.
    maxWorkers: 2,
    // Files share what they import: to import it anew for each of them takes as long as half of the tests.
    isolate: false,
    // Secrets and AWS settings of whoever runs the suite must not decide its outcome.
    env: { AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' },
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      reporter: ['text-summary', 'json-summary'],
      reportOnFailure: true,
      // Of what runs in this process; the verbs run in processes of their own, as users run them.
      thresholds: { lines: 85, statements: 85, functions: 85, branches: 80 },
    },
  },
});
