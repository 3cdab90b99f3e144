/**
 * Makes and changes key files. A file is written with mode 0600 under a name that no reader takes for a key, and then
 * renamed. A running process therefore sees a whole key or none.
 *
 * @module
 */
import { generateKeyPair as generateKeyPairCallback, type KeyObject } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { makeFolder } from '../../lib/files/make-folder.ts';
import { readTextAsync } from '../../lib/files/read-text.ts';
import { replaceFile } from '../../lib/files/replace-file.ts';
import { isObject, parseStrictJson } from '../../lib/json.ts';
import { selfSignedCertificate } from './certificate.ts';
import { type KeyAlgorithm, type KeyPurpose, MAX_KEY_FILE } from './file.ts';

const generateKeyPair = promisify(generateKeyPairCallback);

export interface GenerateKeyOptions {
  readonly alg: KeyAlgorithm;
  readonly purpose: KeyPurpose;
  /** Also keep a self-signed certificate, published as `x5c`; Ceph RGW accepts no key without one. */
  readonly certificate?: boolean;
  /** Unix seconds from which it may sign; from the beginning of time if absent. */
  readonly notBefore?: number;
}

/**
 * Makes a key pair and its file. The `kid` is the RFC 7638 thumbprint of the public key, the file `<purpose>-<kid>.json`.
 * The folder is made with mode 0700 if it isn't there.
 */
export async function generateKey(dir: string, options: GenerateKeyOptions): Promise<{ kid: string; file: string }> {
  const { kid, privateKey } = await namedKeyPair(options.alg);
  const certificate = options.certificate
    ? selfSignedCertificate(privateKey, `walletcreds ${kid}`, Date.now())
    : undefined;
  const json = {
    kid,
    alg: options.alg,
    purpose: options.purpose,
    ...(options.notBefore !== undefined && { not_before: options.notBefore }),
    private_key_pem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ...(certificate !== undefined && { certificate_pem: certificate }),
  };
  await makeKeysFolder(dir);
  const file = join(dir, `${options.purpose}-${kid}.json`);
  await replaceFile(file, `${JSON.stringify(json, null, 2)}\n`, 0o600);
  return { kid, file };
}

/** One thumbprint in 64 begins with "-", which a command line takes for an option: then another pair is made. */
async function namedKeyPair(alg: KeyAlgorithm): Promise<{ kid: string; privateKey: KeyObject }> {
  for (;;) {
    const { privateKey, publicKey } =
      alg === 'ES256'
        ? await generateKeyPair('ec', { namedCurve: 'P-256' })
        : await generateKeyPair('rsa', { modulusLength: 2048 });
    const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK);
    if (!kid.startsWith('-')) return { kid, privateKey };
  }
}

/** Sets `retire_at` (unix seconds) in a key file; everything else in it, its mode included, stays as it was. */
export async function setRetireAt(file: string, retireAt: number): Promise<void> {
  const { text, stats } = await readTextAsync(file, MAX_KEY_FILE);
  const json = parseStrictJson(text);
  if (!isObject(json)) throw new TypeError(`${file}: not a JSON object`);
  await replaceFile(file, `${JSON.stringify({ ...json, retire_at: retireAt }, null, 2)}\n`, stats.mode & 0o777, stats);
}

/** Makes a folder for its owner alone. One that exists keeps its mode, which the loader checks. */
async function makeKeysFolder(dir: string): Promise<void> {
  // Whatever the umask was.
  if (makeFolder(dir, 0o700)) await chmod(dir, 0o700);
}
