// Rolls the declarations of the library up into one file, dist/index.d.ts.
//
// tsc writes one declaration file for each source. Those that src/index.ts reaches are joined: relative imports go away,
// and only the names that src/index.ts exports stay exported. A name that two files declare, or that is renamed between
// files, fails the build.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const IMPORT = /^import (?:type )?\{[^}]*\} from '([^']+)';\n/gm;
const REEXPORT = /^export (?:\*|(?:type )?\{([^}]*)\}) from '([^']+)';\n/gm;
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|const|function|enum) ([A-Za-z_$][\w$]*)/gm;

/** @returns {string} the text of index.d.ts */
export function rolledUpTypes() {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-types-'));
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json', '--outDir', folder], {
      cwd: root,
      stdio: 'inherit',
    });
    return joined(filesFrom(join(folder, 'index.d.ts')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const target = (file, specifier) => join(dirname(file), specifier.replace(/\.ts$/, '.d.ts'));

/** Every file that is reached, by its path, those that are imported first. */
function filesFrom(entry) {
  const files = new Map();
  const visit = file => {
    if (files.has(file)) return;
    files.set(file, '');
    const text = readFileSync(file, 'utf8');
    for (const [, specifier] of [...text.matchAll(IMPORT)])
      if (specifier.startsWith('.')) visit(target(file, specifier));
    for (const [, , specifier] of text.matchAll(REEXPORT)) visit(target(file, specifier));
    files.delete(file);
    files.set(file, text);
  };
  visit(entry);
  return files;
}

function joined(files) {
  const outside = new Set();
  const declared = new Map();
  const parts = [];
  for (const [file, text] of files) {
    for (const [, name] of text.matchAll(DECLARED)) {
      if ((declared.get(name) ?? file) !== file)
        throw new Error(`${name} is declared by ${declared.get(name)} and ${file}`);
      declared.set(name, file);
    }
    for (const [statement, specifier] of text.matchAll(IMPORT)) {
      if (/ as /.test(statement)) throw new Error(`${file} renames what it imports: ${statement}`);
      if (!specifier.startsWith('.')) outside.add(statement);
    }
    parts.push(
      text
        .replace(/^\/\*\*(?:(?!\*\/)[\s\S])*@module\n \*\/\n/, '')
        .replace(IMPORT, '')
        .replace(REEXPORT, '')
        .replace(/^export \{\};\n/gm, '')
        .replace(/^export /gm, ''),
    );
  }
  const [entry, text] = [...files].at(-1);
  const header = /^\/\*\*(?:(?!\*\/)[\s\S])*@module\n \*\/\n/.exec(text)?.[0] ?? '';
  const names = [...exportsOf(entry, files)].sort();
  return [header, '/// <reference types="node" />\n', ...outside, ...parts, `export { ${names.join(', ')} };\n`].join(
    '',
  );
}

/** The names that a file exports, its own and those it passes on. */
function exportsOf(file, files) {
  const text = files.get(file);
  const own = [...text.matchAll(DECLARED)].filter(([line]) => line.startsWith('export ')).map(([, name]) => name);
  const passedOn = [...text.matchAll(REEXPORT)].flatMap(([statement, list, specifier]) => {
    if (/ as /.test(statement)) throw new Error(`${file} renames what it exports: ${statement}`);
    return list === undefined
      ? [...exportsOf(target(file, specifier), files)]
      : list.split(',').map(each => each.replace(/\btype\b/, '').trim());
  });
  return new Set([...own, ...passedOn].filter(Boolean));
}
