// Bundles src/ in memory into what dist/ holds, as CommonJS, which node starts sooner than ES modules:
//
//   bin.js, main.js             the program; bin.js loads main.js once node's compile cache is on
//   audit-worker.js             the thread that writes the SQLite audit log
//   index.js                    the library, for `import` and `require` alike
//   THIRD-PARTY-LICENSES.txt    the licences of the packages that ship
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licenceList } from './shipped.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The entry module doesn't hold the command line: what it loads is compiled after the compile cache is on. */
const mainApart = {
  name: 'main-apart',
  setup(building) {
    building.onResolve({ filter: /^\.\/cli\/main\.ts$/ }, () => ({ path: './main.js', external: true }));
  },
};

/**
 * @returns {Promise<{ files: Map<string, string | Uint8Array>, metafile: import('esbuild').Metafile }>} contents by path in dist/
 */
export async function bundle() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    entryPoints: {
      bin: 'src/bin.ts',
      main: 'src/cli/main.ts',
      index: 'src/index.ts',
      'audit-worker': 'src/audit/sqlite/worker.ts',
    },
    plugins: [mainApart],
    // A lazy import is a lazy require().
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    // esbuild's own directive comes after the banner, where it has no effect.
    banner: { js: "'use strict';\nconst moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    // Node reads the text, hashes it and keeps it. A dash in a comment would make V8 keep two bytes for each character.
    // Names stay, and lines are short: a stack trace still says where.
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'none',
    // libsql has a native part. pg-native is an option of pg that is not used.
    external: ['libsql', 'pg-native'],
    // The one substitution: no provider of AWS credentials is in what ships.
    alias: { '@aws-sdk/credential-provider-node': './src/credentials/sts/no-credential-provider.ts' },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const files = new Map(outputFiles.map(file => [relative(join(root, 'dist'), file.path), file.contents]));
  files.set('package.json', '{ "type": "commonjs" }\n');
  files.set('THIRD-PARTY-LICENSES.txt', licenceList(metafile));
  return { files, metafile };
}
