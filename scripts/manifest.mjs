// The manifest that is published: package.json without what the bundle holds, and without what only this repository needs.
//
//   node scripts/manifest.mjs reduce [FOLDER]   writes it over FOLDER/package.json; `prepack` does so
//   node scripts/manifest.mjs restore           puts the repository's own back; `postpack` and `postpublish` do so
//
// npm reads the manifest again after `postpack` when it publishes, so the own one comes back with `postpublish` then.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { externalPackages } from './shipped.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = join(root, 'package.json');
const backup = join(root, '.cache/package.json');
const [action, folder = root] = process.argv.slice(2);

if (action === 'reduce') {
  const target = resolve(folder, 'package.json');
  if (target === own) {
    // A backup that is still there is of a pack that was broken off.
    restore();
    mkdirSync(join(root, '.cache'), { recursive: true });
    writeFileSync(backup, readFileSync(own));
  }
  const { scripts: _, devDependencies: __, ...manifest } = JSON.parse(readFileSync(own, 'utf8'));
  const external = externalPackages((await bundle()).metafile);
  const dependencies = Object.entries(manifest.dependencies).filter(([name]) => external.includes(name));
  const reduced = { ...manifest, dependencies: Object.fromEntries(dependencies) };
  writeFileSync(target, `${JSON.stringify(reduced, null, 2)}\n`);
} else if (action === 'restore') {
  if (process.env.npm_lifecycle_event !== 'postpack' || process.env.npm_command !== 'publish') restore();
} else {
  console.error('node scripts/manifest.mjs reduce [FOLDER] | restore');
  process.exitCode = 2;
}

function restore() {
  if (existsSync(backup)) renameSync(backup, own);
}
