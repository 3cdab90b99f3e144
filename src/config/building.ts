/**
 * What every part of the configuration needs while it is built: where paths start, where findings go, what was read.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { ConfigProblem } from '../lib/errors.ts';
import { type FolderFindings, folderFindings } from '../lib/files/ownership.ts';
import { dotted, type Path, type Problems } from './issues.ts';
import { isNeeded, type OneWorkload } from './one-workload.ts';
import { openSecret, readSecretFile, type Secret, SecretFileError, type SecretOptions } from './secrets/secret-file.ts';
import type { Sources } from './sources.ts';

/** `serve`: secrets are read, and made where missing. `inspect`: nothing is written, and a secret out of reach is a warning. */
export type Purpose = 'serve' | 'inspect';

export interface Building {
  readonly problems: Problems;
  readonly env: NodeJS.ProcessEnv;
  readonly purpose: Purpose;
  /** What a verb of one workload needs; undefined: everything. */
  readonly only: OneWorkload | undefined;
  /** For `walletcreds dev`: keys of purpose `dev`, an open admin listener on loopback. */
  readonly dev: boolean;
  /** Absolute; where paths that are read begin. */
  readonly baseDir: string;
  /** Absolute; where paths that are written begin. */
  readonly stateDir: string;
  readonly sources: Sources;
  /** At a reload those of the configuration that runs. */
  readonly running: Sources;
  readonly tokens: TokenRegistry;
  /** What was found of the folders of secrets. */
  readonly folders: FolderFindings;
  /** Folders of signing keys and where each is named; they are read later. */
  readonly keyFolders: Map<string, Omit<ConfigProblem, 'message'>>;
}

/** A path that is read: relative to the configuration file. A reason to reload when it changes. */
export function source(building: Building, path: string): string {
  const absolute = resolve(building.baseDir, path);
  building.sources.add(absolute);
  return absolute;
}

/** A path that is read if it is there, else made: beside the file first, under `state_dir` otherwise. */
export function sourceOrMade(building: Building, path: string): string {
  const beside = resolve(building.baseDir, path);
  // Where it may come later counts too: it would be the one that is read.
  building.sources.add(beside);
  const inState = resolve(building.stateDir, path);
  const there = isAbsolute(path) || existsSync(beside) || (building.running.held(beside) && !existsSync(inState));
  const made = there ? beside : inState;
  building.sources.add(made);
  return made;
}

/** A finding about a secret: an error for `serve`, a warning for whoever only looks, or needs another one. */
export function secretProblem(building: Building, path: Path, message: string): void {
  if (building.purpose === 'serve') fileProblem(building, path, message);
  else building.problems.warn(path, message);
}

/** A finding about a file that the configuration names: an error, unless only others need it. */
export function fileProblem(building: Building, path: Path, message: string): void {
  if (isNeeded(building.only, path)) building.problems.add(path, message);
  else building.problems.warn(path, message);
}

/** Reads a secret, its warnings and errors going to the key at `path`. @returns undefined with a finding */
export function takeSecret(
  building: Building,
  path: Path,
  file: string,
  what: string,
  options: SecretOptions & { exact?: boolean } = {},
): Secret | undefined {
  const trusted = { ...options, folders: building.folders };
  try {
    const secret = options.exact ? openSecret(file, what, trusted) : readSecretFile(file, what, trusted);
    for (const warning of secret.warnings) building.problems.warn(path, warning);
    return secret;
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error;
    secretProblem(building, path, error.message);
    return undefined;
  }
}

/** A folder that holds what this process trusts: an error or a warning where somebody else can put files there. */
export function checkFolder(building: Building, path: Path, folder: string): void {
  for (const { refused, message } of folderFindings(folder)) {
    const said = `the folder ${folder}: ${message}`;
    if (refused) secretProblem(building, path, said);
    else building.problems.warn(path, said);
  }
}

/** A secret that is read anew each time: wrong now is an error, not there yet a warning, since it may be projected later. */
export function probeSecret(building: Building, path: Path, file: string, what: string): Secret | undefined {
  try {
    const secret = readSecretFile(file, what, { folders: building.folders });
    for (const warning of secret.warnings) building.problems.warn(path, warning);
    return secret;
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error;
    if (error.reason === 'missing') building.problems.warn(path, `${error.message} (yet); it is read anew each time`);
    else secretProblem(building, path, error.message);
    return undefined;
  }
}

/** Knows every static secret by its digest, so that one value used twice is found. */
export class TokenRegistry {
  readonly #seen = new Map<string, Path>();

  /** @returns the place where the same value stands already */
  claim(value: string, path: Path): string | undefined {
    const digest = digestOf(value);
    const first = this.#seen.get(digest);
    if (first === undefined) this.#seen.set(digest, path);
    return first === undefined ? undefined : dotted(first);
  }

  /** Where a value was claimed, if it was. */
  placeOf(value: string): Path | undefined {
    return this.#seen.get(digestOf(value));
  }
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64');
}

/**
 * What makes a value unfit as a static secret, or undefined. Visible ASCII without spaces, since that is what every client
 * can send as it is; at least 32 characters, and not a few of them over and over.
 */
export function weakness(value: string): string | undefined {
  if (/\r?\n$/.test(value)) return 'ends in a newline, which clients send along';
  if (!/^[\x21-\x7e]*$/.test(value)) return 'has spaces or characters that are not visible ASCII';
  if (value.length < 32) return `has ${value.length} characters, at least 32 are needed`;
  if (value.length > 4_096) return 'has more than 4096 characters';
  if (new Set(value).size < 8 || period(value) <= value.length / 2) return 'repeats itself, so it can be guessed';
  return undefined;
}

/** The length of the shortest unit that a text repeats; the text's own length where none repeats. */
function period(text: string): number {
  // Shifted by its unit a text lies on itself; the last unit may be cut off.
  for (let length = 1; length < text.length; length++) {
    if (text.startsWith(text.slice(length))) return length;
  }
  return text.length;
}
