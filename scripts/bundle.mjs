// Bundles src/ in memory into what dist/ holds:
//
//   bin.js, audit-worker.js, chunks   the program, as ES modules that load one another when needed
//   index.cjs                         the library, one CommonJS file: `import` and `require` get the same classes
//   THIRD-PARTY-LICENSES.txt          the licences of the packages that ship
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licenceList } from './shipped.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  // libsql has a native part. pg-native is an option of pg that is not used.
  external: ['libsql', 'pg-native'],
  // The one substitution: no provider of AWS credentials is in what ships.
  alias: { '@aws-sdk/credential-provider-node': './src/credentials/sts/no-credential-provider.ts' },
  metafile: true,
  write: false,
  logLevel: 'warning',
};

/**
 * @returns {Promise<{ files: Map<string, string | Uint8Array>, metafile: import('esbuild').Metafile }>} contents by path in dist/
 */
export async function bundle() {
  const results = await Promise.all([
    build({
      ...common,
      entryPoints: { bin: 'src/bin.ts', 'audit-worker': 'src/audit/sqlite/worker.ts' },
      format: 'esm',
      splitting: true,
      // CommonJS packages in the bundle still call require() for node's own modules.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    }),
    build({
      ...common,
      entryPoints: { index: 'src/index.ts' },
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      define: { 'import.meta.url': 'moduleUrl' },
      banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    }),
  ]);
  const files = new Map(
    results.flatMap(({ outputFiles }) =>
      outputFiles.map(file => [relative(join(root, 'dist'), file.path), file.contents]),
    ),
  );
  const metafile = {
    inputs: Object.assign({}, ...results.map(result => result.metafile.inputs)),
    outputs: Object.assign({}, ...results.map(result => result.metafile.outputs)),
  };
  files.set('THIRD-PARTY-LICENSES.txt', licenceList(metafile));
  return { files, metafile };
}
