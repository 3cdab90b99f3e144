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
export { systemClock } from './src/lib/clock.ts';
export { createLogger } from './src/lib/create-logger.ts';
export { createAuditLog } from './src/audit/create-log.ts';
export { signIdentityToken } from './src/identity-token/signer.ts';
export { debianPostgres, pglite } from './test/audit/postgres-server.ts';
`;

export async function sources() {
  // Two levels below bench/, so that the audit log finds its worker in dist/ as it does from the sources.
  const outfile = join(root, 'bench/.build/lib/sources.mjs');
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
