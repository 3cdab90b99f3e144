// Bundles src/ in memory into what dist/ holds:
//
//   bin.js, audit-worker.js, chunks   the program, as ES modules that load one another when needed
//   index.cjs                         the library, one CommonJS file: `import` and `require` get the same classes
//   THIRD-PARTY-LICENSES.txt          the licences of the packages in them
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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
  files.set('THIRD-PARTY-LICENSES.txt', licences(bundledPackages(metafile)));
  return { files, metafile };
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
