// Writes what is generated: docs/configuration.md and schema/walletcreds.schema.json from the schema in src/config, and
// src/lib/aws-partitions.ts from the SDK's data.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);
const { outputFiles } = await build({
  absWorkingDir: fileURLToPath(root),
  entryPoints: ['scripts/reference/files.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
});
// Run inside the repository, so that what it reads of the package is found.
const code = outputFiles[0].text.replaceAll('import.meta.url', JSON.stringify(new URL('src/reference.mjs', root).href));
const { generatedFiles } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
for (const [name, content] of Object.entries(generatedFiles())) {
  writeFileSync(new URL(name, root), content);
  console.log(`wrote ${name}`);
}
