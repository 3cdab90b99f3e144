// Which packages ship: those whose code is in the bundle, and those that the bundle loads from node_modules at run time.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = file => JSON.parse(readFileSync(join(root, file), 'utf8'));

/**
 * The packages whose code is in the bundle.
 * @param {import('esbuild').Metafile} metafile
 * @returns {string[]} their folders, relative to the repository
 */
export function bundledPackages(metafile) {
  const folders = new Set();
  for (const { inputs } of Object.values(metafile.outputs))
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  return [...folders].sort();
}

/**
 * The dependencies that the bundle loads from node_modules.
 * @param {import('esbuild').Metafile} metafile
 * @returns {string[]} their names
 */
export function externalPackages(metafile) {
  const { dependencies } = read('package.json');
  const imports = Object.values(metafile.outputs).flatMap(output => output.imports);
  const loaded = new Set(imports.filter(({ external }) => external).map(({ path }) => path));
  return Object.keys(dependencies).filter(name => loaded.has(name));
}

/**
 * All that ships, by its place in the lockfile: the bundled packages, and the external ones with all that they need.
 * @param {import('esbuild').Metafile} metafile
 * @returns {{ path: string, name: string, version: string, license: string }[]}
 */
export function shippedPackages(metafile) {
  const { packages } = read('package-lock.json');
  const paths = new Set(bundledPackages(metafile));
  const add = (name, from) => {
    // As node looks a package up: in the nearest node_modules above.
    const path = [`${from}/node_modules/${name}`, `node_modules/${name}`].find(each => packages[each] !== undefined);
    if (path === undefined || paths.has(path)) return;
    paths.add(path);
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) add(needed, path);
  };
  for (const name of externalPackages(metafile)) add(name, '');
  return [...paths].sort().map(path => {
    const { version, license } = packages[path];
    return { path, name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), version, license };
  });
}

/**
 * What the licences of those packages ask of a distributor: name, terms, notice.
 * @param {import('esbuild').Metafile} metafile
 */
export function licenceList(metafile) {
  const parts = shippedPackages(metafile).map(({ path, name, version, license }) => {
    const texts = licenceFiles(path).map(file => readFileSync(file, 'utf8').trim());
    return `${name} ${version} (${license})\n\n${texts.join('\n\n') || `Licence: ${license}`}\n`;
  });
  const rule = `\n${'-'.repeat(78)}\n\n`;
  return `walletcreds ships with code of the following packages.\n${rule}${parts.join(rule)}`;
}

/** A package of another platform is not installed, and a native one has the licence of the package that loads it. */
function licenceFiles(path) {
  const { packages } = read('package-lock.json');
  if (packages[path].optional) return [];
  const folder = join(root, path);
  return readdirSync(folder)
    .filter(file => /^(licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map(file => join(folder, file));
}
