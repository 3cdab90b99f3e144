import { describe, expect, it } from 'vitest';
import type { EndpointRefusal } from '../../src/http/endpoint/index.ts';
import {
  InvalidAuthorizationToken,
  SessionBackendUnavailable,
  StsUnavailable,
  WorkloadMismatch,
  WorkloadUnknown,
} from '../../src/lib/errors.ts';
import { createRejectedAudit } from '../../src/server/rejected-audit.ts';
import { CONFIGURED } from '../auth/support.ts';
import { fakeAuditLog } from '../credentials/support.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { workload } from '../support/workload.ts';

describe('the endpoint’s refusals in the audit log', () => {
  const caller = { workload: workload(), kind: 'token', tokenHash: 'h' } as const;
  const note = (refusal: Partial<EndpointRefusal> & { error: Error }) => {
    const auditLog = fakeAuditLog();
    createRejectedAudit(auditLog, fakeClock()).endpoint({
      code: 'code',
      route: '/v1/credentials',
      authorization: undefined,
      caller: undefined,
      ...refusal,
    });
    return auditLog.failures;
  };

  it('without a token: no hash, nobody', () => {
    expect(note({ error: new InvalidAuthorizationToken('x') })).toMatchObject([
      {
        requester_token_hash: '',
        requester_wallet: 'unknown',
        sts_session_name: '(unauthenticated)',
        outcome: 'auth_failed',
      },
    ]);
  });

  it('with a wrong one: its hash, the same with and without Bearer', () => {
    const hashes = ['wrong', 'Bearer wrong'].map(
      authorization => note({ error: new InvalidAuthorizationToken('x'), authorization })[0]?.requester_token_hash,
    );
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[0]).toBe(hashes[1]);
  });

  it('who it was, where that is known; a backend that fails is no refusal of anybody', () => {
    expect(note({ error: new WorkloadMismatch('x'), caller })).toMatchObject([
      { requester_wallet: CONFIGURED, workload: 'scraper-a', requester_token_hash: 'h', outcome: 'auth_failed' },
    ]);
    expect(note({ error: new WorkloadUnknown('x') })).toMatchObject([{ outcome: 'auth_failed' }]);
    expect(note({ error: new SessionBackendUnavailable('x') })).toMatchObject([{ outcome: 'backend_error' }]);
  });

  it('what failed after authentication has its record from vending, and no second one', () => {
    expect(note({ error: new StsUnavailable('x'), caller })).toEqual([]);
  });
});
