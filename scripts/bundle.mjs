// What dist/ is made of, in memory: one chunk a verb, and `serve`, which has neither the emulator nor `init` in it, as one
// script.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

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

/** The entry module is bundled by itself: the verbs it loads are another bundle's. */
const verbsElsewhere = {
  name: 'verbs-elsewhere',
  setup(building) {
    building.onResolve({ filter: /^\.\/cli\/main\.ts$/ }, () => ({ path: './main.mjs', external: true }));
  },
};

/**
 * Parts of node that a package loads at a start for what nobody here asks of it: Commander its child processes, for
 * subcommands that are programs; the SDK zlib, for checksums of event streams, which STS doesn't have.
 */
const UNUSED = [
  ['child_process', 'commander'],
  ['zlib', '@smithy/core/dist-es/submodules/checksum'],
];
const unusedParts = {
  name: 'unused-parts',
  setup(building) {
    for (const [part, within] of UNUSED)
      building.onResolve({ filter: new RegExp(`^node:${part}$`) }, ({ importer }) =>
        importer.replaceAll('\\', '/').includes(`/node_modules/${within}/`)
          ? { path: part, namespace: 'empty' }
          : undefined,
      );
    building.onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: '' }));
  },
};

/**
 * What `serve` asks of `node:fs/promises`, which node loads when the first of it is called: a start has no use for it.
 * Whatever else somebody imports fails the build.
 */
const PROMISED = ['open', 'readFile', 'rename', 'stat', 'writeFile'];
const promisesLater = {
  name: 'promises-later',
  setup(building) {
    building.onResolve({ filter: /^node:fs\/promises$/ }, () => ({ path: 'fs-promises', namespace: 'later' }));
    building.onLoad({ filter: /./, namespace: 'later' }, () => ({
      contents: `import fs from 'node:fs';\n${PROMISED.map(
        name => `export const ${name} = (...given) => fs.promises.${name}(...given);`,
      ).join('\n')}`,
    }));
  },
};

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  plugins: [shortNames, unusedParts],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // ES modules where a package has them: what a CommonJS module requires can't be shaken, and starts slower.
  mainFields: ['module', 'main'],
  // pg's own option, which nobody here takes.
  external: ['pg-native'],
  alias: {
    // No provider of AWS credentials is in what ships.
    '@aws-sdk/credential-provider-node': './src/credentials/sts/no-credential-provider.ts',
    // The same code as ES modules.
    yaml: './node_modules/yaml/browser/dist/index.js',
    // Its default, which looks for subscribers to diagnostics at each call; nobody here subscribes.
    'lru-cache': './node_modules/lru-cache/dist/esm/browser/index.js',
    // libsql's way to its native part.
    '@neon-rs/load': './src/audit/sqlite/native-target.ts',
  },
  metafile: true,
  write: false,
  logLevel: 'warning',
};

const modules = {
  ...common,
  format: 'esm',
  splitting: true,
  outExtension: { '.js': '.mjs' },
  external: [...common.external, 'libsql'],
  // CommonJS dependencies inside the bundle still call require() for node's own modules.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
};

const MODULE_URL = "const __url=require('node:url').pathToFileURL(__filename).href;";
const script = { ...common, format: 'cjs', define: { 'import.meta.url': '__url' } };

/**
 * Bundles in memory: the verbs and the library as ES modules that load one another when asked; `serve` as one script,
 * whose compiled code can be kept; the trail's thread; the entry module.
 *
 * @returns {Promise<{ files: Map<string, string | Uint8Array>, metafile: import('esbuild').Metafile, serveScript: string }>}
 *   contents by path in dist/; the script's name there
 */
export async function bundle() {
  const [verbs, serve, worker] = await Promise.all([
    build({ ...modules, entryPoints: { main: 'src/cli/main.ts', index: 'src/index.ts' } }),
    build({
      ...script,
      plugins: [...common.plugins, promisesLater],
      entryPoints: { serve: 'src/cli/main-serve.ts' },
      supported: { 'dynamic-import': false },
      banner: { js: `(function(exports,require,module,__filename,__dirname){${MODULE_URL}` },
      footer: { js: '})' },
    }),
    build({
      ...script,
      entryPoints: { 'audit-worker': 'src/audit/sqlite/worker.ts' },
      outExtension: { '.js': '.cjs' },
      // libsql's native part lies where libsql finds it.
      banner: { js: `require=require('node:module').createRequire(require.resolve('libsql'));${MODULE_URL}` },
    }),
  ]);
  const [{ contents: serveCode }] = serve.outputFiles;
  const serveScript = `serve-${createHash('sha256').update(serveCode).digest('hex').slice(0, 16)}.js`;
  const entry = await build({
    ...script,
    banner: { js: MODULE_URL },
    plugins: [verbsElsewhere],
    entryPoints: { bin: 'src/bin.ts' },
    define: { ...script.define, SERVE_SCRIPT: JSON.stringify(`./${serveScript}`) },
  });
  const files = new Map(
    [verbs, worker, entry].flatMap(({ outputFiles }) =>
      outputFiles.map(file => [relative(join(root, 'dist'), file.path), file.contents]),
    ),
  );
  files.set(serveScript, serveCode);
  // The entry module is CommonJS, which node starts sooner.
  files.set('package.json', '{ "type": "commonjs" }\n');
  files.set('bin.js', startable(Buffer.from(files.get('bin.js') ?? '').toString('utf8')));
  const metafile = {
    inputs: Object.assign({}, ...[verbs, serve, worker, entry].map(result => result.metafile.inputs)),
    outputs: Object.assign({}, ...[verbs, serve, worker, entry].map(result => result.metafile.outputs)),
  };
  files.set('THIRD-PARTY-LICENSES.txt', licences(bundledPackages(metafile)));
  return { files, metafile, serveScript };
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
