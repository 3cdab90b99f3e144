/**
 * Builds `dist/` once before the suite: tests that start the real process start what is shipped, not the sources.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function setup(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs', '--types'], {
    cwd: root,
    stdio: 'inherit',
  });
  // Tests of single modules need no bundle; those that start the program fail by themselves, and a full run fails here.
  if (status !== 0 && process.env['CI'] === 'true') throw new Error('the build failed: npm run build shows why');
}
