// Bundles src/ into dist/.
//
//   node scripts/build.mjs            the program
//   node scripts/build.mjs --types    and the type declarations of the library
//
// A file is replaced by rename, and only where its content changed. Stale files are removed last. A process that runs
// from dist/ meanwhile (a test, a second build) never sees half a bundle.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { rolledUpTypes } from './types.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

const { files } = await bundle();
// The program first: it is whole even where its types are not.
write(files);
if (process.argv.includes('--types')) {
  const types = new Map([['index.d.ts', rolledUpTypes()]]);
  write(types);
  sweep(name => files.has(name) || types.has(name));
} else {
  sweep(name => files.has(name) || name === 'index.d.ts');
}

/** @param {ReadonlyMap<string, string | Uint8Array>} files contents by path in dist/ */
function write(files) {
  for (const [name, content] of files) {
    const path = join(dist, name);
    if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, content, { mode: name === 'bin.js' ? 0o755 : 0o644 });
    renameSync(`${path}.${process.pid}`, path);
  }
}

/** Drops what isn't kept, and isn't being written by another build either. */
function sweep(kept) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const name = relative(dist, join(entry.parentPath, entry.name));
    if (!entry.isDirectory() && !/\.\d+$/.test(name) && !kept(name)) rmSync(join(dist, name), { force: true });
  }
}
