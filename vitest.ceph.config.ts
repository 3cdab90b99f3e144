import { defineConfig } from 'vitest/config';

/** `npm run test:ceph`: the whole chain against an STS and an S3 that nobody here wrote. Needs root and Debian. */
export default defineConfig({
  test: {
    include: ['test/ceph/**/*.ceph.ts'],
    globalSetup: ['test/support/build.ts', 'test/ceph/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    // The tests of the file stand on one gateway and change its policies: one after the other.
    fileParallelism: false,
    env: { AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' },
  },
});
