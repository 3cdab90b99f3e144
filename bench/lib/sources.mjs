/**
 * Inner parts of walletcreds, which the program's bundle doesn't show: built from the sources into a file of their own.
 *
 * @module
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './program.mjs';

const FACE = `
export { systemClock } from './src/clock.ts';
export { createLogger } from './src/log.ts';
export { createTrail } from './src/audit/create-trail.ts';
export { signIdentityToken } from './src/identity-token/signer.ts';
export { debianPostgres, pglite } from './test/audit/postgres-server.ts';
`;

export async function sources() {
  // One level below bench/, so that the trail finds its worker in dist/ as it does from the sources.
  const outfile = join(root, 'bench/.build/sources.mjs');
  await build({
    absWorkingDir: root,
    stdin: { contents: FACE, resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}
