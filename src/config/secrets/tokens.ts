/**
 * The static secrets of the configuration: authorization tokens, bearers, the admin's token, the ids of `/v2/`.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { type Building, secretProblem, source, sourceOrMade, takeSecret, weakness } from '../building.ts';
import type { Path } from '../issues.ts';
import { isNeeded } from '../one-workload.ts';
import { type MadeTokenOptions, makeToken, TokenNotMade } from './generate.ts';

/**
 * A token from its file, which is made if it isn't there. Content counts to the last byte: SDKs send the file as it is.
 *
 * @returns undefined with a finding
 */
export function tokenFromFile(
  building: Building,
  path: Path,
  name: string,
  options: MadeTokenOptions & { what: string; charset?: RegExp },
): { readonly value: string; readonly file: string } | undefined {
  const file = sourceOrMade(building, name);
  if (!existsSync(file) && building.purpose === 'serve' && isNeeded(building.only, path)) {
    // A configuration that is refused leaves nothing behind.
    if (building.problems.any) return undefined;
    if (building.running.held(file)) {
      // Who holds the token in his environment would be locked out by another one.
      const mend = 'put it back or write another one (openssl rand -hex 32); a start would make one';
      building.problems.add(path, `${options.what} ${file} is gone; the token that it held goes on; ${mend}`);
      return undefined;
    }
    try {
      makeToken(file, options);
      building.sources.renew(file);
    } catch (error) {
      if (!(error instanceof TokenNotMade)) throw error;
      building.problems.add(path, error.message);
      return undefined;
    }
  }
  const secret = takeSecret(building, path, file, options.what, { exact: true });
  if (secret === undefined) return undefined;
  const octal = (bits: number) => `0${bits.toString(8).padStart(3, '0')}`;
  if (options.mode !== undefined && secret.mode !== options.mode) {
    building.problems.warn(
      path,
      `${file} has mode ${octal(secret.mode)}, token_mode says ${octal(options.mode)}; chmod it`,
    );
  }
  const fault = weakness(secret.text);
  if (fault !== undefined) {
    const mend = /\n$/.test(secret.text)
      ? `printf %s "$(cat ${file})" > ${file}`
      : 'remove the file and a good one is made';
    secretProblem(building, path, `${options.what} ${file} ${fault}; ${mend}`);
    return undefined;
  }
  if (options.charset !== undefined && !options.charset.test(secret.text)) {
    secretProblem(
      building,
      path,
      `${options.what} ${file} has characters that don't fit into a path; use letters, digits and "._~-"`,
    );
    return undefined;
  }
  return claimed(building, path, secret.text, file);
}

/** A token from a variable. @returns undefined with a finding */
export function tokenFromEnv(
  building: Building,
  path: Path,
  name: string,
): { readonly value: string; readonly env: string } | undefined {
  const value = building.env[name];
  const fault = value === undefined || value === '' ? 'is not set' : weakness(value);
  if (fault !== undefined) {
    secretProblem(building, path, `the variable ${name} ${fault}; a good one: openssl rand -hex 32`);
    return undefined;
  }
  return claim(building, path, value ?? '') ? { value: value ?? '', env: name } : undefined;
}

/** What a workload shows at the broker. Never made, since the other side must know it; one trailing newline is cut. */
export function bearerFromFile(
  building: Building,
  path: Path,
  name: string,
): { readonly value: string; readonly file: string } | undefined {
  const file = source(building, name);
  const secret = takeSecret(building, path, file, 'the bearer file');
  if (secret === undefined) return undefined;
  const fault = weakness(secret.text);
  if (fault !== undefined) {
    secretProblem(building, path, `the bearer file ${file} ${fault}; a good one: openssl rand -hex 32`);
    return undefined;
  }
  return claimed(building, path, secret.text, file);
}

function claimed(building: Building, path: Path, value: string, file: string) {
  return claim(building, path, value) ? { value, file } : undefined;
}

function claim(building: Building, path: Path, value: string): boolean {
  const first = building.tokens.claim(value, path);
  if (first === undefined) return true;
  secretProblem(building, path, `the same value as ${first}; each place and each workload needs one of its own`);
  return false;
}
