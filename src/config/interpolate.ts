/**
 * `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` inside a scalar; `$${` is a literal `${`.
 *
 * What is put in is never read again, so a variable's value can't bring in another variable.
 *
 * @module
 */
import { InvalidValue, OutOfReach } from '../lib/invalid-value.ts';

export interface Lookups {
  readonly env: NodeJS.ProcessEnv;
  /** The text of a file; throws {@link OutOfReach}. */
  readonly file: (path: string) => string;
}

const PART = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * As in a shell, `:-default` also stands in for a variable that is set but empty. One trailing newline of a file is cut.
 *
 * @throws InvalidValue that names the variable or the path, never a value
 */
export function interpolate(text: string, lookups: Lookups): string {
  if (!text.includes('${')) return text;
  return text.replace(PART, (whole, inside: string | undefined, end: string) => {
    if (whole === '$${') return '${';
    if (end === '') throw new InvalidValue('"${" without its "}"; write "$${" for a literal "${"');
    return lookUp(inside ?? '', lookups);
  });
}

function lookUp(inside: string, lookups: Lookups): string {
  if (inside.startsWith('env:')) {
    const parts = inside.slice('env:'.length);
    const at = parts.indexOf(':-');
    const name = at < 0 ? parts : parts.slice(0, at);
    const fallback = at < 0 ? undefined : parts.slice(at + 2);
    if (!NAME.test(name)) throw new InvalidValue('"${env:…}" holds no name of a variable');
    const value = lookups.env[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined) {
      throw new OutOfReach(`the variable ${name} is not set; set it, or give a default: \${env:${name}:-default}`);
    }
    return value;
  }
  if (inside.startsWith('file:')) {
    const path = inside.slice('file:'.length);
    if (path === '') throw new InvalidValue('"${file:}" holds no path');
    return lookups.file(path).replace(/\r?\n$/, '');
  }
  throw new InvalidValue(
    '"${…}" is known as ${env:NAME}, ${env:NAME:-default} and ${file:PATH}; write "$${" for a literal "${"',
  );
}
