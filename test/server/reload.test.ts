import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { reloadOnChange } from '../../src/config/reload.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createSidecar } from '../../src/server/sidecar.ts';
import { silent } from '../auth/support.ts';
import { configFolder } from '../support/config-folder.ts';

const WORKLOADS = 10_000;

/** A configuration with ten thousand workloads, each with a token of its own. */
function large() {
  const { dir, write } = configFolder();
  mkdirSync(join(dir, 'tokens'), { mode: 0o700 });
  const entries = Array.from({ length: WORKLOADS }, (_, i) => {
    writeFileSync(join(dir, 'tokens', `w${i}`), randomBytes(32).toString('hex'), { mode: 0o600 });
    const wallet = `0x${(i + 1).toString(16).padStart(40, '0')}`;
    return `  w${i}: { wallet: "${wallet}", token_file: tokens/w${i}, prefetch: false }`;
  });
  const text = (workloads: readonly string[]) =>
    [
      'region: us-east-1',
      'role_arn: arn:aws:iam::123456789012:role/data',
      'sts: { endpoint: "http://127.0.0.1:1" }',
      'endpoint: { listen: [] }',
      'admin: { listen: [] }',
      'audit: { database: stdout }',
      'identity_token: { file: { path: id } }',
      'workloads:',
      ...workloads,
      '',
    ].join('\n');
  return { file: write('walletcreds.yaml', text(entries)), entries, text };
}

/** How long `work` took, and the longest that it held the event loop up meanwhile; ms. */
async function timed(work: () => Promise<unknown>): Promise<{ longest: number; total: number }> {
  const begin = performance.now();
  let longest = 0;
  let last = begin;
  let stopped = false;
  const tick = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!stopped) setImmediate(tick);
  };
  tick();
  await work();
  stopped = true;
  return { longest, total: performance.now() - begin };
}

// Done at once, a reload holds the event loop up for all of its time. Compared with that time, a busy machine doesn't matter.
it('a hundred signals with ten thousand workloads are two reloads, and they and ten thousand mistakes hold nothing up', {
  timeout: 180_000,
}, async () => {
  const { file, entries, text } = large();
  const config = await loadConfig(file, { env: {} });
  const sidecar = await createSidecar(config, { log: silent });
  onTestFinished(() => sidecar.close(0));
  let reads = 0;
  const reload = reloadOnChange({
    config,
    read: running => {
      reads++;
      return loadConfig(file, { env: {}, running });
    },
    apply: sidecar.apply,
    clock: systemClock,
    log: silent,
  });
  onTestFinished(() => reload.close());

  const storm = await timed(() => Promise.all(Array.from({ length: 100 }, () => reload.now('SIGHUP'))));
  expect(reads).toBe(2);
  writeFileSync(file, text(entries.map(line => line.replace('wallet:', 'walet:'))));
  const mistakes = await timed(() => reload.now('SIGHUP'));
  expect(sidecar.config.workloads.size).toBe(WORKLOADS);
  for (const { longest, total } of [storm, mistakes]) expect(longest).toBeLessThan(total / 4);
});
