// Bundles src/ into dist/: one chunk a verb, so that `serve` loads neither the emulator nor `init`.
//
//   node scripts/build.mjs            the program
//   node scripts/build.mjs --types    and the declarations of the library's face
//
// A file is replaced by rename and only where its content changed, and what is stale goes last: a process that runs from
// dist/ meanwhile (a test, a second build) never sees half a bundle.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const entries = { bin: 'src/bin.ts', index: 'src/index.ts', 'audit-worker': 'src/audit/worker.ts' };

/** Names in packages are shortened, ours stay: errors carry their class's name, and a stack trace must be readable. */
const shortNames = {
  name: 'short-names',
  setup(building) {
    building.onLoad({ filter: /[\\/]node_modules[\\/].*\.m?js$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), { minifyIdentifiers: true, sourcefile: path });
      return { contents: code, loader: 'js' };
    });
  },
};

/**
 * Bundles in memory.
 * @returns {Promise<{ files: Map<string, string | Uint8Array>, metafile: import('esbuild').Metafile }>} contents by path in dist/
 */
export async function bundle() {
  const result = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(join(root, file)))),
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    plugins: [shortNames],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // ES modules where a package has them: what a CommonJS module requires can't be shaken, and starts slower.
    mainFields: ['module', 'main'],
    // libsql is native; pg-native is pg's own option, which nobody here takes.
    external: ['libsql', 'pg-native'],
    alias: {
      // No provider of AWS credentials is in what ships.
      '@aws-sdk/credential-provider-node': './src/exchange/no-credential-provider.ts',
      // The same code as ES modules.
      yaml: './node_modules/yaml/browser/dist/index.js',
    },
    // CommonJS dependencies inside the bundle still call require() for node's own modules.
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const files = new Map(result.outputFiles.map(file => [relative(join(root, 'dist'), file.path), file.contents]));
  files.set('bin.js', startable(Buffer.from(files.get('bin.js') ?? '').toString('utf8')));
  files.set('THIRD-PARTY-LICENSES.txt', licences(bundledPackages(result.metafile)));
  return { files, metafile: result.metafile };
}

/**
 * Node 20 takes `--env-file` for itself wherever it stands in a command line, unless a `--` comes before: `walletcreds dev
 * --env-file FILE` would end before its first statement. A shebang can't say `--` on every system (busybox's env has no
 * `-S`), so the file is a shell script in its second line and JavaScript to node, for which that line is a string.
 */
function startable(text) {
  const [, ...lines] = text.split('\n');
  return ['#!/bin/sh', `':' //# ; exec node -- "$0" "$@"`, ...lines].join('\n');
}

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

/** What those packages' licences ask of who passes them on: their name, their terms, their notice. */
function licences(folders) {
  const parts = folders.map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const texts = readdirSync(join(root, folder))
      .filter(file => /^(licen[cs]e|notice|copying)/i.test(file))
      .sort()
      .map(file => readFileSync(join(root, folder, file), 'utf8').trim());
    return `${name} ${version} (${license})\n\n${texts.join('\n\n') || `Licence: ${license}`}\n`;
  });
  const rule = `\n${'-'.repeat(78)}\n\n`;
  return `walletcreds contains code of the following packages.\n${rule}${parts.join(rule)}`;
}

/** The declarations of the library's face, by path in dist/. */
function declarations() {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-types-'));
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json', '--outDir', folder], {
      cwd: root,
      stdio: 'inherit',
    });
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .map(path => [join('types', relative(folder, path)), readFileSync(path)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes what changed, then drops what no longer belongs there; declarations stay when only the program is built. */
function write(files, keepTypes) {
  const dist = join(root, 'dist');
  for (const [name, content] of files) {
    const path = join(dist, name);
    if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, content, { mode: name === 'bin.js' ? 0o755 : 0o644 });
    renameSync(`${path}.${process.pid}`, path);
  }
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const name = relative(dist, join(entry.parentPath, entry.name));
    const beingWritten = /\.\d+$/.test(name);
    const kept = entry.isDirectory() || beingWritten || files.has(name) || (keepTypes && name.startsWith('types/'));
    if (!kept) rmSync(join(dist, name), { force: true });
  }
}

if (process.argv[1] !== undefined && basename(process.argv[1]) === 'build.mjs') {
  const { files } = await bundle();
  write(files, true);
  if (process.argv.includes('--types')) {
    // The program first: it is whole even where its types are not.
    for (const [name, content] of declarations()) files.set(name, content);
    write(files, false);
  }
}
