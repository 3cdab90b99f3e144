/**
 * One signing key as a file: JSON `{kid, private_key_pem (PKCS#8), purpose}` and optionally `alg`, `certificate_pem`,
 * `not_before`, `retire_at` (unix seconds). An older broker's file works as it is and keeps its `kid`; members that are
 * not known here are left alone.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type CryptoKey, importPKCS8 } from 'jose';
import { WalletcredsError } from '../../lib/errors.ts';
import { fileFindings } from '../../lib/files/ownership.ts';
import { readText, UnreadableFile } from '../../lib/files/read-text.ts';
import { isObject, parseStrictJson, StrictJsonError } from '../../lib/json.ts';

/** `oidc` signs identity tokens, `session` a broker's own sessions, `dev` is for one machine; each refused in another's place. */
export type KeyPurpose = 'oidc' | 'session' | 'dev';
export type KeyAlgorithm = 'ES256' | 'RS256';

/** A public key as the JWKS shows it. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly use: 'sig';
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  /** Base64 DER of the certificate beside the key. Ceph RGW takes no JWK without one. */
  readonly x5c?: readonly string[];
}

/** A key that has passed every check. The private part can't be exported again. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly purpose: KeyPurpose;
  /** Absolute or as given; where it came from. */
  readonly file: string;
  /** Unix seconds; 0 where the file names none. */
  readonly notBefore: number;
  /** Unix seconds from which it neither signs nor is published. */
  readonly retireAt: number | undefined;
  readonly privateKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

/** What is wrong with one file (or with the folder) and how to fix it. */
export interface KeyProblem {
  readonly file: string;
  readonly message: string;
}

/** Keys that can't be used, all findings at once. Exit status 2 at start. */
export class UnusableKeys extends WalletcredsError {
  readonly kind = 'UnusableKeys';
  readonly problems: readonly KeyProblem[];

  constructor(problems: readonly KeyProblem[]) {
    super(problems.map(({ file, message }) => `${file}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** Ten times what an RSA key of 8192 bits with its certificate needs. */
export const MAX_KEY_FILE = 128 * 1024;

/**
 * @returns the key, and a warning where a read-only mount excuses owner or mode
 * @throws UnusableKeys with one problem
 */
export async function readKeyFile(
  file: string,
  purpose: KeyPurpose,
): Promise<{ key: SigningKey; warning: string | undefined }> {
  try {
    const { text, stats } = readText(file, MAX_KEY_FILE);
    // The folder is looked at once for all its keys, where it is read.
    const findings = fileFindings(file, stats, { folders: new Map([[dirname(resolve(file)), []]]) });
    const refusal = findings.find(({ refused }) => refused);
    if (refusal !== undefined) throw new Refusal(refusal.message);
    return {
      key: await parseKey(file, text, purpose),
      warning: findings.map(({ message }) => message).join('; ') || undefined,
    };
  } catch (error) {
    if (error instanceof Refusal || error instanceof UnreadableFile) {
      throw new UnusableKeys([{ file, message: error.message }]);
    }
    throw error;
  }
}

class Refusal extends Error {}

async function parseKey(file: string, text: string, purpose: KeyPurpose): Promise<SigningKey> {
  const json = members(text);
  if (json['purpose'] !== purpose) {
    const found = typeof json['purpose'] === 'string' ? JSON.stringify(json['purpose'].slice(0, 40)) : 'missing';
    throw new Refusal(`purpose is ${found}, and here only keys of purpose "${purpose}" are taken`);
  }
  const kid = json['kid'];
  if (typeof kid !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(kid)) {
    throw new Refusal('kid must be 1 to 256 visible ASCII characters');
  }
  const privateKey = privateKeyOf(json['private_key_pem']);
  const alg = algorithmOf(privateKey);
  if (json['alg'] !== undefined && json['alg'] !== alg) throw new Refusal(`alg must be "${alg}" for this key`);
  const notBefore = unixSeconds(json, 'not_before') ?? 0;
  const retireAt = unixSeconds(json, 'retire_at');
  const { kty, crv, x, y, n, e } = createPublicKey(privateKey).export({ format: 'jwk' }) as Record<string, string>;
  const material = kty === 'EC' ? { kty, crv, x, y } : { kty, n, e };
  const x5c = certificatesOf(json['certificate_pem'], privateKey);
  return Object.freeze({
    kid,
    alg,
    purpose,
    file,
    notBefore,
    retireAt,
    privateKey: await importPKCS8(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, alg),
    publicJwk: Object.freeze({ ...material, kid, alg, use: 'sig', ...(x5c && { x5c }) }) as PublicJwk,
  });
}

function members(text: string): Record<string, unknown> {
  if (text.trim() === '') throw new Refusal('the file is empty; walletcreds keys generate makes a key');
  let json: unknown;
  try {
    json = parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    if (text.trimStart().startsWith('-----BEGIN')) {
      throw new Refusal('a bare PEM; a key file is JSON {kid, private_key_pem, purpose} with the PEM inside');
    }
    throw new Refusal(`${error.message}; a key file is JSON {kid, private_key_pem, purpose}`);
  }
  if (!isObject(json)) throw new Refusal('not a JSON object; a key file is {kid, private_key_pem, purpose}');
  return json;
}

function privateKeyOf(pem: unknown): KeyObject {
  if (typeof pem !== 'string' || pem === '') throw new Refusal('private_key_pem is missing');
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(pem)?.[1];
  if (label === 'PUBLIC KEY' || label === 'CERTIFICATE' || label === 'RSA PUBLIC KEY') {
    throw new Refusal('private_key_pem holds a public key, which can sign nothing');
  }
  if (label === 'EC PRIVATE KEY' || label === 'RSA PRIVATE KEY') {
    throw new Refusal(`private_key_pem is "${label}"; turn it into PKCS#8 with: openssl pkcs8 -topk8 -nocrypt`);
  }
  if (label === 'ENCRYPTED PRIVATE KEY')
    throw new Refusal('private_key_pem is encrypted; keep it unencrypted, mode 0600');
  try {
    if (label === 'PRIVATE KEY') return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    // OpenSSL's reason says nothing to a user, and the cause could hold the text.
  }
  throw new Refusal('private_key_pem is no private key in PKCS#8 PEM (its first line says BEGIN PRIVATE KEY)');
}

function algorithmOf(key: KeyObject): KeyAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') {
    if (namedCurve === 'prime256v1') return 'ES256';
    throw new Refusal(`an EC key on the curve ${namedCurve}; ES256 needs P-256`);
  }
  if (key.asymmetricKeyType === 'rsa') {
    if ((modulusLength ?? 0) >= 2048) return 'RS256';
    throw new Refusal(`an RSA key of ${modulusLength} bits; RS256 needs 2048 or more`);
  }
  throw new Refusal(`a key of type ${key.asymmetricKeyType}; only EC P-256 (ES256) and RSA (RS256) are taken`);
}

function unixSeconds(json: Record<string, unknown>, name: 'not_before' | 'retire_at'): number | undefined {
  const value = json[name];
  if (value === undefined || value === null) return undefined;
  // A time in milliseconds, a common mistake, would be after the year 5000.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 1e11) return value;
  throw new Refusal(`${name} must be a time in whole unix seconds`);
}

function certificatesOf(pem: unknown, privateKey: KeyObject): readonly string[] | undefined {
  if (pem === undefined || pem === null) return undefined;
  const begin = '-----BEGIN CERTIFICATE-----';
  const [, ...blocks] = typeof pem === 'string' ? pem.split(begin) : [];
  let chain: X509Certificate[];
  try {
    chain = blocks.map(block => new X509Certificate(begin + block));
  } catch {
    chain = [];
  }
  if (chain[0] === undefined) throw new Refusal('certificate_pem is no X.509 certificate in PEM');
  if (!chain[0].checkPrivateKey(privateKey)) throw new Refusal('certificate_pem belongs to another key');
  return Object.freeze(chain.map(certificate => certificate.raw.toString('base64')));
}
