import { defineConfig } from 'vitest/config';

/** `npm run test:image`: the Dockerfile built three times, and what came of it run. Needs root, buildah and the npm registry. */
export default defineConfig({
  test: {
    include: ['test/image/**/*.image.ts'],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    env: { NO_COLOR: '1' },
  },
});
