/**
 * The static secrets of the configuration: authorization tokens, bearers, the admin token, the ids of `/v2/`.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { LoadContext } from '../load-context.ts';
import { GenerateError, type GenerateOptions, generateToken } from './generate.ts';

interface TokenFile extends GenerateOptions {
  /** What the file is, for messages. */
  readonly what: string;
  /** What its value must match. */
  readonly charset?: RegExp;
}

/**
 * A token from its file, which is generated if it is missing. A newline at the end counts: SDKs send the file as it is.
 *
 * @returns undefined with a finding
 */
export function tokenFromFile(
  at: LoadContext,
  name: string,
  options: TokenFile,
): { readonly value: string; readonly file: string } | undefined {
  const file = locate(at, name);
  if (!existsSync(file) && at.isNeeded && at.load.purpose !== 'inspect') {
    if (at.load.purpose === 'check') {
      at.warn(`${options.what} ${file} is missing; serve generates it when it starts`);
      return undefined;
    }
    if (!generate(at, file, options)) return undefined;
  }
  const secret = at.readSecret(file, options.what, { exact: true });
  if (secret === undefined) return undefined;
  const octal = (bits: number) => `0${bits.toString(8).padStart(3, '0')}`;
  if (options.mode !== undefined && secret.mode !== options.mode) {
    at.warn(`${file} has mode ${octal(secret.mode)}, token_mode says ${octal(options.mode)}; chmod it`);
  }
  const fault = weakness(secret.text);
  if (fault !== undefined) {
    const fix = /\n$/.test(secret.text)
      ? `printf %s "$(cat ${file})" > ${file}`
      : 'remove the file and a good one is generated';
    at.secretError(`${options.what} ${file} ${fault}; ${fix}`);
    return undefined;
  }
  if (options.charset !== undefined && !options.charset.test(secret.text)) {
    const fix = 'use letters, digits and "._~-"';
    at.secretError(`${options.what} ${file} has characters that don't fit into a path; ${fix}`);
    return undefined;
  }
  return claimed(at, secret.text, { file });
}

/** Beside the configuration if the file is there, else under `state_dir`. A file that appears beside it later is noticed. */
function locate({ load }: LoadContext, name: string): string {
  const { sources, running } = load;
  const beside = resolve(load.baseDir, name);
  sources.add(beside);
  const inState = resolve(load.stateDir, name);
  const isThere = isAbsolute(name) || existsSync(beside) || (running.found(beside) && !existsSync(inState));
  const file = isThere ? beside : inState;
  sources.add(file);
  return file;
}

/** @returns false with a finding, or where the configuration is refused anyway: then it leaves nothing behind */
function generate(at: LoadContext, file: string, options: TokenFile): boolean {
  const { issues, running, sources } = at.load;
  if (issues.any) return false;
  if (running.found(file)) {
    // A new token would lock out the workloads that hold the old one.
    const fix = 'put it back or write another one (openssl rand -hex 32); a start would generate one';
    at.error(`${options.what} ${file} is gone; its token stays valid; ${fix}`);
    return false;
  }
  try {
    generateToken(file, options);
    sources.renew(file);
    return true;
  } catch (error) {
    if (!(error instanceof GenerateError)) throw error;
    at.error(error.message);
    return false;
  }
}

/** A token from a variable. @returns undefined with a finding */
export function tokenFromEnv(
  at: LoadContext,
  name: string,
): { readonly value: string; readonly env: string } | undefined {
  const value = at.load.env[name] ?? '';
  const fault = value === '' ? 'is not set' : weakness(value);
  if (fault === undefined) return claimed(at, value, { env: name });
  at.secretError(`the variable ${name} ${fault}; a good one: openssl rand -hex 32`);
  return undefined;
}

/** A workload's bearer for the broker. Never generated, since the broker must know it; one newline at the end is cut. */
export function bearerFromFile(
  at: LoadContext,
  name: string,
): { readonly value: string; readonly file: string } | undefined {
  const file = at.source(name);
  const secret = at.readSecret(file, 'the bearer file');
  if (secret === undefined) return undefined;
  const fault = weakness(secret.text);
  if (fault === undefined) return claimed(at, secret.text, { file });
  at.secretError(`the bearer file ${file} ${fault}; a good one: openssl rand -hex 32`);
  return undefined;
}

function claimed<T>(at: LoadContext, value: string, origin: T): ({ readonly value: string } & T) | undefined {
  const first = at.load.tokens.claim(value, at.path);
  if (first === undefined) return { value, ...origin };
  at.secretError(`the same value as ${first}; each place and each workload needs one of its own`);
  return undefined;
}

/**
 * Why a value is unfit as a static secret, or undefined. Visible ASCII without spaces, since every client can send that; at least
 * 32 characters, and not a few of them repeated.
 */
function weakness(value: string): string | undefined {
  if (/\r?\n$/.test(value)) return 'ends in a newline, which clients send along';
  if (!/^[\x21-\x7e]*$/.test(value)) return 'has spaces or characters that are not visible ASCII';
  if (value.length < 32) return `has ${value.length} characters, at least 32 are needed`;
  if (value.length > 4_096) return 'has more than 4096 characters';
  if (new Set(value).size < 8 || period(value) <= value.length / 2) return 'repeats itself, so it can be guessed';
  return undefined;
}

/** The length of the shortest unit that a text repeats; the text's own length where none repeats. */
function period(text: string): number {
  // Shifted by its unit a text equals itself; the last unit may be cut off.
  for (let length = 1; length < text.length; length++) {
    if (text.startsWith(text.slice(length))) return length;
  }
  return text.length;
}
