/**
 * `npm run test:mutation [FILE…]`: changes the sources on which security stands, one place at a time, and tells which change
 * no test notices.
 *
 * Stryker is installed into a temporary folder, beside a copy of what git tracks: nothing else needs it. A run of all files
 * takes an hour on two cores.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STRYKER = ['@stryker-mutator/core@9.6.1', '@stryker-mutator/vitest-runner@9.6.1'];

/** Each source with the tests that hold it. */
const SOURCES = {
  'src/auth/authenticator.ts': ['test/auth'],
  'src/auth/static-tokens.ts': ['test/auth'],
  'src/auth/jwt.ts': ['test/auth'],
  'src/http/validate-request.ts': ['test/http/validate-request.test.ts', 'test/conformance/guards.test.ts'],
  'src/identity-token/check.ts': ['test/identity-token/check.test.ts'],
  'src/config/secrets/session-policy.ts': ['test/config/session-policy.test.ts'],
  'src/credentials/vending.ts': ['test/credentials'],
  'src/credentials/fetch.ts': ['test/credentials'],
  'src/audit/chain.ts': ['test/audit/chain.test.ts', 'test/audit/verify.test.ts', 'test/audit/append-only.test.ts'],
  'src/audit/verify.ts': ['test/audit/verify.test.ts', 'test/audit/append-only.test.ts'],
};

const asked = process.argv.slice(2);
const unknown = asked.filter(file => !Object.hasOwn(SOURCES, file));
if (unknown.length > 0) {
  console.error(`${unknown.join(', ')}: write any of ${Object.keys(SOURCES).join(', ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-mutation-'));
const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
try {
  for (const file of execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean))
    cpSync(file, join(folder, file));
  run('npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...STRYKER);
  run('npm', 'run', '--silent', 'build');
  for (const file of asked.length > 0 ? asked : Object.keys(SOURCES)) {
    const include = SOURCES[file].map(test => (test.endsWith('.ts') ? test : `${test}/**/*.test.ts`));
    const test = { include, testTimeout: 20_000, env: { AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' } };
    writeFileSync(join(folder, 'vitest.mutation.mjs'), `export default ${JSON.stringify({ test })};\n`);
    writeFileSync(
      join(folder, 'stryker.config.json'),
      JSON.stringify({
        mutate: [file],
        testRunner: 'vitest',
        vitest: { configFile: 'vitest.mutation.mjs', related: false },
        // Stryker would rewrite the file by TypeScript's API, which TypeScript 7 doesn't have.
        tsconfigFile: 'none.json',
        ignorePatterns: ['bench', 'deploy', 'docs', 'examples'],
        coverageAnalysis: 'perTest',
        reporters: ['clear-text', 'progress-append-only'],
        clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
      }),
    );
    run('npx', '--no-install', 'stryker', 'run');
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
