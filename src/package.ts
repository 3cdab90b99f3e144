/**
 * What the program says of its own package: its version, its files, where its pages are on the web.
 *
 * This module lies one folder below the package's root, from the sources as in the bundle.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  readonly name: string;
  readonly version: string;
  readonly homepage: string;
};

export const { version, homepage } = manifest;

/** The text of a page of `docs/`, which ships with the program. @param page `symptoms.md` */
export function readPage(page: string): string {
  return readFileSync(new URL(`docs/${page}`, root), 'utf8');
}

/** The full URL of a page of `docs/`. @param page `symptoms.md` */
export function pageUrl(page: string, anchor?: string): string {
  return `${homepage}/blob/main/docs/${page}${anchor === undefined ? '' : `#${anchor}`}`;
}

/** The full URL of what `docs/symptoms.md` says of a code. */
export function codeUrl(code: string): string {
  return pageUrl('symptoms.md', code);
}

/** The JSON schema of this version's `walletcreds.yaml`, as the published package holds it. */
export const schemaUrl = `https://unpkg.com/${manifest.name}@${version}/schema/walletcreds.schema.json`;
