/**
 * The two public documents of an issuer: what they say and where they live.
 *
 * @module
 */

import { TAGS_CLAIM } from '../claims.ts';
import type { KeyAlgorithm } from './file.ts';

/** Below the issuer's own path. */
export const DISCOVERY_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/.well-known/jwks.json';

/** OpenID Connect Discovery 1.0, section 3, with what an issuer without a log-in has. */
export interface DiscoveryDocument {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly response_types_supported: readonly string[];
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly claims_supported: readonly string[];
}

/**
 * @param issuer stands in the document byte for byte: STS compares it so with the registered URL
 * @param algs of the keys that are published; ES256 where there is none yet
 * @param walletTag names the bare claim
 */
export function discoveryDocument(
  issuer: string,
  algs: readonly KeyAlgorithm[],
  walletTag = 'agentkeys_user_wallet',
): DiscoveryDocument {
  return {
    issuer,
    jwks_uri: `${issuer.replace(/\/$/, '')}${JWKS_PATH}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algs.length === 0 ? ['ES256'] : [...new Set(algs)].sort(),
    scopes_supported: ['openid'],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'jti', walletTag, TAGS_CLAIM],
  };
}

/** The path of an issuer's URL without a trailing slash; '' for one at the root. Its documents are served under it. */
export function issuerPath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}
