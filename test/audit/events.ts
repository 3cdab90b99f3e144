/**
 * Events and records for the tests of the audit log.
 *
 * @module
 */
import type { AuditRecord } from '../../src/audit/columns.ts';
import { type CredentialsVended, type RequestRejected, recordOf } from '../../src/audit/event.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import { makeWorkload } from '../../src/workload/workload.ts';

export const WALLET = parseWallet('0x52908400098527886e0f7030069857d2e4169ee7');

/** 2026-01-01. */
const AT = Date.UTC(2026, 0, 1);

export const scraper = makeWorkload({
  name: 'scraper-a',
  wallet: WALLET,
  role: parseRoleArn('arn:aws:iam::123456789012:role/agentkeys-data-role'),
  sessionDuration: 3600,
  walletTag: 'agentkeys_user_wallet',
  tags: {},
  identityToken: { kind: 'file', path: '/token', audience: 'sts.amazonaws.com' },
  origin: 'configured',
});

/** A vend after an exchange, unless told otherwise. */
export function aVend({
  accessKeyId = 'ASIAEXAMPLE',
  ...changes
}: Partial<CredentialsVended> & { accessKeyId?: string } = {}): CredentialsVended {
  return {
    type: 'credentials-vended',
    at: AT,
    workload: scraper,
    requester: { kind: 'token', tokenHash: 'ab'.repeat(32) },
    via: 'endpoint',
    credentials: { accessKeyId, expiration: AT + 3_600_000, requestId: '00000000-0000-0000-0000-000000000000' },
    source: 'fetched',
    count: 1,
    ...changes,
  };
}

/** A request without a token. */
export function aRejection(changes: Partial<RequestRejected> = {}): RequestRejected {
  return {
    type: 'request-rejected',
    at: AT,
    via: 'endpoint',
    caller: undefined,
    tokenHash: '',
    outcome: 'auth_failed',
    detail: 'InvalidAuthorizationToken',
    ...changes,
  };
}

/** The record of a vend, with any columns. */
export function aRecord(changes: Partial<AuditRecord> = {}): AuditRecord {
  return { ...recordOf(aVend()), ...changes };
}

/** The record of a rejected request, with any columns. */
export function aFailureRecord(changes: Partial<AuditRecord> = {}): AuditRecord {
  return { ...recordOf(aRejection()), ...changes };
}
