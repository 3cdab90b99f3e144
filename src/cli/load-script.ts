/**
 * Loads code that was bundled into one script, with what V8 had compiled of it when it was built: nothing is parsed, and
 * nothing compiled that a start needs.
 *
 * The script's value is a function with the parameters of a CommonJS module. V8 looks at its own version, its flags and
 * the length of the source before it takes what was compiled, and compiles anew otherwise. The length says little, so the
 * names of both files hold the source's hash; and V8 ends the process over a byte that has changed in what it takes, so
 * that has its own hash in front.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

interface Module {
  exports: unknown;
}

type Wrapped = (exports: unknown, require: NodeJS.Require, module: Module, file: string, folder: string) => void;

/** @returns what the code exports */
export function loadScript(url: URL): unknown {
  const filename = fileURLToPath(url);
  const wrapped: Wrapped = compiled(filename).runInThisContext();
  const module: Module = { exports: {} };
  wrapped(module.exports, createRequire(filename), module, filename, dirname(filename));
  return module.exports;
}

/** The source is ASCII: the build escapes what isn't. */
function compiled(filename: string): Script {
  const cachedData = compiledCode(`${filename}.cache`);
  return new Script(readFileSync(filename, 'latin1'), {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

const HASH_BYTES = 32;

/** @returns what V8 compiled; undefined where the file is missing, or isn't what the build wrote */
export function compiledCode(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(HASH_BYTES);
    return createHash('sha256').update(code).digest().equals(bytes.subarray(0, HASH_BYTES)) ? code : undefined;
  } catch {
    return undefined;
  }
}
