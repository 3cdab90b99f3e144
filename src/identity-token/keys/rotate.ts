/**
 * Rotates signing keys without an outage, and revokes a key at once.
 *
 * @module
 */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextAsync, UnreadableFile } from '../../lib/files/read-text.ts';
import { syncFolder } from '../../lib/files/replace-file.ts';
import { isObject, parseStrictJson, StrictJsonError } from '../../lib/json.ts';
import { type KeyAlgorithm, type KeyPurpose, MAX_KEY_FILE, UnusableKeys } from './file.ts';
import { isKeyName, loadKeys } from './set.ts';
import { generateKey, setRetireAt } from './write.ts';

/** How long verifiers may cache a JWKS. The next key is published for this long before it signs. */
export const JWKS_CACHE_SECONDS = 3600;
/** No identity token lives longer, whatever `ttl` says. */
export const LONGEST_TOKEN_SECONDS = 3600;

export interface Rotation {
  readonly kid: string;
  readonly file: string;
  readonly alg: KeyAlgorithm;
  /** Unix seconds from which the new key signs. */
  readonly notBefore: number;
  /** The keys that give way, and when they leave the JWKS (unix seconds). */
  readonly retiring: readonly { readonly kid: string; readonly retireAt: number }[];
}

/**
 * Publishes a new key now. It signs once every verifier's cache has expired. The other keys retire once the last token
 * that they signed has expired and caches are empty. The new key has the signing key's algorithm and certificate unless
 * `options` says otherwise.
 *
 * @param options.now wall time in ms
 * @throws UnusableKeys where a key is bad, none is there, or one is waiting already
 */
export async function rotateKeys(
  dir: string,
  options: { purpose: KeyPurpose; now: number; publishForSeconds?: number; alg?: KeyAlgorithm; certificate?: boolean },
): Promise<Rotation> {
  const { purpose, now } = options;
  const keys = await loadKeys(dir, purpose);
  const seconds = Math.floor(now / 1000);
  const waiting = keys.keys.find(key => key.notBefore > seconds && (key.retireAt ?? Infinity) > seconds);
  if (waiting !== undefined) {
    const from = new Date(waiting.notBefore * 1000).toISOString();
    throw new UnusableKeys([{ file: waiting.file, message: `a next key is published already and signs from ${from}` }]);
  }
  const current = keys.activeKey(now);
  const alg = options.alg ?? current.alg;
  const certificate = options.certificate ?? current.publicJwk.x5c !== undefined;
  const notBefore = seconds + (options.publishForSeconds ?? JWKS_CACHE_SECONDS);
  const made = await generateKey(dir, { alg, purpose, certificate, notBefore });
  const retireAt = notBefore + LONGEST_TOKEN_SECONDS + JWKS_CACHE_SECONDS;
  const retiring = [];
  for (const key of keys.keys.filter(({ retireAt: own }) => own === undefined || own > retireAt)) {
    await setRetireAt(key.file, retireAt);
    retiring.push({ kid: key.kid, retireAt });
  }
  return { ...made, alg, notBefore, retiring };
}

/**
 * Removes every file of a key, good or not, whatever its purpose: from then on it neither signs nor is published.
 *
 * @returns the files that are gone; empty where no file has that `kid`
 * @throws UnusableKeys where the folder can't be read or a file can't be removed
 */
export async function revokeKey(dir: string, kid: string): Promise<readonly string[]> {
  const removed: string[] = [];
  let file = dir;
  try {
    for (const name of (await readdir(dir)).filter(isKeyName).sort()) {
      file = join(dir, name);
      if ((await kidOf(file)) !== kid) continue;
      await unlink(file);
      removed.push(file);
    }
    if (removed.length > 0) await syncFolder(dir);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error';
    throw new UnusableKeys([{ file, message: `revoking fails with ${code}` }]);
  }
  return removed;
}

/** The `kid` of a file that may be bad in every other way; undefined where it has none. */
async function kidOf(file: string): Promise<unknown> {
  try {
    const json = parseStrictJson((await readTextAsync(file, MAX_KEY_FILE)).text);
    return isObject(json) ? json['kid'] : undefined;
  } catch (error) {
    if (error instanceof UnreadableFile || error instanceof StrictJsonError) return undefined;
    throw error;
  }
}
