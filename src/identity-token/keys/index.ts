/**
 * Signing keys, for other folders: a folder of key files in, a signer and a JWKS out.
 *
 * @module
 */
export { UnusableKeys } from './file.ts';
export { type KeySet, loadKeys } from './set.ts';
export { createKeyStore } from './store.ts';
export { generateKey } from './write.ts';
