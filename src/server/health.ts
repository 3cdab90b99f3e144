/**
 * The checks behind readiness: each dependency by name, and whether its failure takes the process out of service.
 *
 * Keys and audit log decide for a broker, since it can mint nothing without them. Dependencies that replicas share (an
 * issuer's JWKS, the session backend, STS) are shown and don't decide. Their outage would take every replica out of service
 * at once, with the issuer's public documents, which STS needs.
 *
 * @module
 */
import type { AuditLog } from '../audit/log.ts';
import type { Config } from '../config/types.ts';
import type { Check } from '../http/admin/readiness.ts';
import type { KeyStores } from '../identity-token/source.ts';

export interface CheckSources {
  readonly config: Config;
  readonly auditLog: AuditLog;
  readonly keys: KeyStores;
  /** Issuers of JWTs and the session backend. */
  readonly callers: readonly { readonly name: string; readonly problem: string | undefined }[];
  readonly sts: string | undefined;
}

export function checksOf({ config, auditLog, keys, callers, sts }: CheckSources): Check[] {
  const { broker, defaults } = config;
  const decides = broker !== undefined;
  const { identityToken } = defaults;
  const checks: Check[] = [
    check('audit log', auditLog.available ? undefined : (auditLog.reason ?? 'it can’t be written'), decides),
  ];
  if (identityToken.kind === 'signer') {
    checks.push(check('keys', keys(identityToken.keysDir, identityToken.purpose).problem, decides));
  }
  for (const { name, problem } of callers) checks.push(check(name, problem, false));
  checks.push(check('sts', sts, false));
  return checks;
}

function check(name: string, problem: string | undefined, decides: boolean): Check {
  return problem === undefined ? { name, status: 'ok', decides } : { name, status: 'failed', reason: problem, decides };
}
