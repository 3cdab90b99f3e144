import { defineConfig } from 'vitest/config';
import { SECONDS } from './test/chaos/budget.ts';

/** `npm run test:chaos`: breaks everything that `serve` stands on. `CHAOS_SECONDS` and `CHAOS_SEED`: test/chaos/budget.ts. */
export default defineConfig({
  test: {
    include: ['test/chaos/**/*.chaos.ts'],
    globalSetup: ['test/support/build.ts', 'test/chaos/global-setup.ts'],
    testTimeout: 240_000,
    hookTimeout: 60_000,
    // Figures are worth something only where nothing else runs. A short run is for its assertions alone.
    fileParallelism: SECONDS < 300,
    maxWorkers: 3,
    env: { AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' },
  },
});
