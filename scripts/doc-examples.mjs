// Writes the examples of a page into a folder: each fenced block whose first line is a comment with a file name.
//
//   node scripts/doc-examples.mjs docs/library.md FOLDER
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [page, folder] = process.argv.slice(2);
for (const [, name, code] of readFileSync(page, 'utf8').matchAll(/^```\w+\n\/\/ ([\w.-]+)\n([\s\S]*?)^```/gm)) {
  writeFileSync(join(folder, name), code);
  console.log(name);
}
