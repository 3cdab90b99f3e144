/**
 * The keys of one folder at one moment: which of them signs, and what the JWKS shows.
 *
 * Two replicas that share the folder must agree, so the choice depends only on the files' contents and the time. A key
 * can sign once its `not_before` has passed, until it is retired. The one with the largest `not_before` signs; between
 * equal ones, the one with the larger `kid`. A file's modification time differs between copies and doesn't count.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialsUninitialized } from '../../lib/errors.ts';
import { folderFindings } from '../../lib/files/ownership.ts';
import {
  type KeyProblem,
  type KeyPurpose,
  type PublicJwk,
  readKeyFile,
  type SigningKey,
  UnusableKeys,
} from './file.ts';

/** An immutable set of keys of one purpose. Times are wall time in **milliseconds**, as `clock.wall()` gives it. */
export interface KeySet {
  /** Every key that was read, retired and coming ones too. */
  readonly keys: readonly SigningKey[];
  /** Owners and modes that only a read-only mount excuses. */
  readonly warnings: readonly string[];
  /** @throws CredentialsUninitialized when no key may sign now */
  activeKey(now: number): SigningKey;
  /** The signing key first (Ceph RGW reads only the first), then the next and the retiring ones; retired ones are out. */
  publicJwks(now: number): { keys: PublicJwk[] };
}

/** More files than any rotation leaves behind; a bound on what one folder can cost. */
const MAX_KEYS = 64;

/** What a folder held: the keys that are good, and what is wrong with the rest. */
export interface KeyFolder {
  readonly keys: readonly SigningKey[];
  readonly problems: readonly KeyProblem[];
  readonly warnings: readonly string[];
  /** The folder itself can't be trusted or read, so that `keys` says nothing. */
  readonly folderProblem: KeyProblem | undefined;
}

/**
 * Every key in a folder, strictly: one bad file refuses all.
 *
 * @throws UnusableKeys with every finding; also when there is no key at all
 */
export async function loadKeys(dir: string, purpose: KeyPurpose): Promise<KeySet> {
  const found = await readKeyFolder(dir, purpose);
  requireGood(dir, purpose, found);
  return keySetOf(dir, found.keys, found.warnings);
}

/** @throws UnusableKeys with every finding; also when there is no key at all */
export function requireGood(dir: string, purpose: KeyPurpose, { keys, problems, folderProblem }: KeyFolder): void {
  const all = folderProblem === undefined ? problems : [folderProblem, ...problems];
  if (all.length > 0) throw new UnusableKeys(all);
  if (keys.length === 0) throw new UnusableKeys([{ file: dir, message: noKeys(purpose) }]);
}

/** The error for a folder without keys, with the fix. */
export function noKeys(purpose: KeyPurpose): string {
  return `no key of purpose "${purpose}" here; walletcreds keys generate makes one`;
}

/** The names that count as keys. Hidden ones don't: a Kubernetes Secret keeps its bookkeeping in `..data`. */
export function isKeyName(name: string): boolean {
  return name.endsWith('.json') && !name.startsWith('.');
}

/**
 * Reads a folder leniently: returns the findings, with the keys that are good. The folder is read synchronously, since
 * it is small and a start waits for it.
 */
export async function readKeyFolder(dir: string, purpose: KeyPurpose): Promise<KeyFolder> {
  const nothing = { keys: [], problems: [], warnings: [] };
  let names: string[];
  try {
    names = readdirSync(dir).filter(isKeyName).sort();
  } catch (error) {
    return { ...nothing, folderProblem: { file: dir, message: folderFailure(error, purpose) } };
  }
  const findings = folderFindings(dir, { keys: true });
  const refusal = findings.find(({ refused }) => refused);
  if (refusal !== undefined) return { ...nothing, folderProblem: { file: dir, message: refusal.message } };
  const warnings = findings.map(({ message }) => `${dir}: ${message}`);
  if (names.length > MAX_KEYS) {
    const message = `${names.length} files, and at most ${MAX_KEYS} keys are taken; remove the retired ones`;
    return { ...nothing, folderProblem: { file: dir, message } };
  }
  const problems: KeyProblem[] = [];
  const byKid = new Map<string, SigningKey>();
  for (const name of names) {
    try {
      const { key, warning } = await readKeyFile(join(dir, name), purpose);
      if (warning !== undefined) warnings.push(`${key.file}: ${warning}`);
      const first = byKid.get(key.kid);
      if (first === undefined) byKid.set(key.kid, key);
      else problems.push({ file: key.file, message: `the same kid as ${first.file}; a kid names one key, remove one` });
    } catch (error) {
      if (!(error instanceof UnusableKeys)) throw error;
      problems.push(...error.problems);
    }
  }
  return { keys: [...byKid.values()], problems, warnings, folderProblem: undefined };
}

function folderFailure(error: unknown, purpose: KeyPurpose): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT')
    return `there is no such folder; walletcreds keys generate makes it, with a key of purpose "${purpose}"`;
  if (code === 'ENOTDIR') return 'not a folder; keys_dir names a folder of key files';
  if (code === 'EACCES') return 'this process may not read the folder';
  return `reading the folder fails with ${code ?? 'an unknown error'}`;
}

/** @param dir for messages only */
export function keySetOf(dir: string, keys: readonly SigningKey[], warnings: readonly string[] = []): KeySet {
  const newestFirst = [...keys].sort((a, b) => b.notBefore - a.notBefore || (a.kid < b.kid ? 1 : -1));
  const retired = (key: SigningKey, now: number) => key.retireAt !== undefined && key.retireAt * 1000 <= now;
  const signing = (now: number) => newestFirst.find(key => key.notBefore * 1000 <= now && !retired(key, now));
  return {
    keys: newestFirst,
    warnings,
    activeKey(now) {
      const key = signing(now);
      if (key !== undefined) return key;
      const next = newestFirst.filter(candidate => !retired(candidate, now)).at(-1);
      const why =
        next === undefined
          ? 'every key is retired or revoked; walletcreds keys generate makes a new one'
          : `the next key, ${next.kid}, may sign from ${new Date(next.notBefore * 1000).toISOString()} only`;
      throw new CredentialsUninitialized(`${dir}: no key can sign now: ${why}`);
    },
    publicJwks(now) {
      const first = signing(now);
      const others = newestFirst.filter(key => key !== first && !retired(key, now));
      return { keys: [...(first === undefined ? [] : [first]), ...others].map(key => key.publicJwk) };
    },
  };
}
