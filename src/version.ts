/**
 * The version, from package.json: beside `src/` in a checkout and beside `dist/` in the package.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
