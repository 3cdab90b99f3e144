import { defineConfig } from 'vitest/config';

/** `npm run test:fuzz`: garbage for everything that reads. `FUZZ_SECONDS`, and seeds to keep: test/fuzz/fuzz.ts. */
export default defineConfig({
  test: {
    include: ['test/fuzz/**/*.fuzz.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 200_000,
    fileParallelism: false,
    env: { AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' },
  },
});
