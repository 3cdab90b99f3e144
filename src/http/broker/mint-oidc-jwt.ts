/**
 * `POST /v1/mint-oidc-jwt`: a JWT with the caller's wallet, for a sidecar that does the exchange itself.
 *
 * @module
 */
import type { AuditLog } from '../../audit/log.ts';
import type { Caller } from '../../auth/caller.ts';
import type { SignedIdentityToken } from '../../identity-token/signer.ts';
import type { Clock } from '../../lib/clock.ts';
import { AuditUnavailable, CredentialsUninitialized, WorkloadUnknown } from '../../lib/errors.ts';

export interface MintOidcJwtOptions {
  readonly clock: Clock;
  readonly auditLog: AuditLog;
  /** @throws CredentialsUninitialized where no key can sign */
  readonly sign: (caller: Caller) => Promise<SignedIdentityToken & { readonly ttlSeconds: number }>;
  /** Whether the caller's workload may have a raw JWT: one that a session policy or a role of its own confines may not. */
  readonly mayHaveRawJwt: (caller: Caller) => boolean;
  /** Whether the current configuration still yields this caller. */
  readonly holds: (caller: Caller) => boolean;
}

export interface MintedJwt {
  readonly jwt: string;
  readonly wallet: string;
  /** Unix seconds. */
  readonly expiration: number;
}

/** @throws WorkloadUnknown (403), AuditUnavailable, CredentialsUninitialized */
export async function mintOidcJwt(options: MintOidcJwtOptions, caller: Caller): Promise<MintedJwt> {
  const { clock, auditLog, sign, mayHaveRawJwt, holds } = options;
  if (!mayHaveRawJwt(caller)) {
    throw new WorkloadUnknown(
      'this workload has a session policy or a role of its own, which a raw JWT would get around; set raw_jwt: true for it if that is meant',
    );
  }
  // While the audit log is down nothing is signed: a token that exists could leak without a record.
  if (!auditLog.available)
    throw new AuditUnavailable(`the audit log can't be written: ${auditLog.reason ?? 'unknown'}`);
  const { jwt, expiresAt, keyId, ttlSeconds } = await sign(caller);
  const { workload } = caller;
  const at = clock.wall();
  await auditLog.append({ type: 'identity-token-minted', at, workload, requester: caller, keyId, ttlSeconds });
  if (!holds(caller)) {
    throw new CredentialsUninitialized(`workload ${workload.name} is no longer configured as it was when it asked`);
  }
  return { jwt, wallet: workload.wallet, expiration: expiresAt };
}
