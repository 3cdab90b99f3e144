/**
 * Signing keys: a folder of key files in, a signer and a JWKS out. The face of the neighbours that do the work.
 *
 * @module
 */
export {
  type KeyAlgorithm,
  type KeyProblem,
  type KeyPurpose,
  type PublicJwk,
  readKeyFile,
  type SigningKey,
  UnusableKeys,
} from './file.ts';
export { JWKS_CACHE_SECONDS, LONGEST_TOKEN_SECONDS, type Rotation, revokeKey, rotateKeys } from './rotate.ts';
export { type KeySet, loadKeys } from './set.ts';
export { createKeyStore, type KeyStore } from './store.ts';
export { type GenerateKeyOptions, generateKey } from './write.ts';
