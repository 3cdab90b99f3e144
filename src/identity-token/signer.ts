/**
 * Identity tokens that this process signs itself: one fresh JWT a call, since a retry can outlast one.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../lib/clock.ts';
import type { SignerSource, Workload } from '../workload/workload.ts';
import { subjectOf, TAGS_CLAIM } from './claims.ts';
import type { SigningKey } from './keys/file.ts';
import type { KeyStore } from './keys/store.ts';

/** Claims with a meaning of their own, which the bare wallet claim must not overwrite. */
const REGISTERED = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', TAGS_CLAIM]);

export interface SignOptions {
  readonly key: SigningKey;
  /** Byte for byte what is registered at IAM. */
  readonly issuer: string;
  readonly audience: string;
  /** 60 to 3,600. */
  readonly ttlSeconds: number;
  /** The workload whose wallet and tags are signed. */
  readonly workload: Pick<Workload, 'wallet' | 'walletTag' | 'tags'>;
  /** Wall time in ms. */
  readonly now: number;
}

/** A signed JWT, as `mint-oidc-jwt` answers it. */
export interface SignedIdentityToken {
  readonly jwt: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly keyId: string;
}

/**
 * Signs one JWT with `iss`, `sub`, `aud`, `iat`, `exp` and `jti`. The wallet is a bare claim named like the wallet tag.
 * It is also a transitive principal tag in {@link TAGS_CLAIM}, with the workload's further tags.
 *
 * @throws RangeError for a lifetime or a wallet tag that must not have passed the configuration
 */
export async function signIdentityToken(options: SignOptions): Promise<SignedIdentityToken> {
  const { key, issuer, audience, ttlSeconds, workload, now } = options;
  const { wallet, walletTag, tags } = workload;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 60 || ttlSeconds > 3600) {
    throw new RangeError('the lifetime of an identity token is 60 to 3600 seconds');
  }
  if (REGISTERED.has(walletTag)) throw new RangeError(`wallet_tag "${walletTag}" is the name of a registered claim`);
  const iat = Math.floor(now / 1000);
  const exp = iat + ttlSeconds;
  const principalTags = [[walletTag, [wallet]], ...Object.entries(tags).map(([name, value]) => [name, [value]])];
  const jwt = await new SignJWT({
    iss: issuer,
    sub: subjectOf(wallet),
    aud: audience,
    iat,
    exp,
    jti: randomUUID(),
    [walletTag]: wallet,
    [TAGS_CLAIM]: { principal_tags: Object.fromEntries(principalTags), transitive_tag_keys: [walletTag] },
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey);
  return { jwt, expiresAt: exp, keyId: key.kid };
}

/**
 * The raw source for `identity_token.signer`; the check of the claims comes behind it, as for every source.
 *
 * @param deps.keys the store of a folder and a purpose
 */
export function createSigner(deps: { keys: (dir: string, purpose: 'oidc' | 'dev') => KeyStore; clock: Clock }) {
  /** @throws CredentialsUninitialized when no key can sign now */
  return async (config: SignerSource, workload: Workload): Promise<string> => {
    const keys = await deps.keys(config.keysDir, config.purpose).current();
    const now = deps.clock.wall();
    const { issuer, audience, ttlSeconds } = config;
    return (await signIdentityToken({ key: keys.activeKey(now), issuer, audience, ttlSeconds, workload, now })).jwt;
  };
}
