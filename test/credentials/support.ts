/** An exchange, an audit log and a source of identity tokens that a test holds in its hands. */
import type { AuditRecord } from '../../src/audit/columns.ts';
import { recordOf } from '../../src/audit/event.ts';
import type { AuditLog } from '../../src/audit/log.ts';
import type { Caller } from '../../src/auth/caller.ts';
import type { Credentials } from '../../src/credentials/credentials.ts';
import type { VendingLimits } from '../../src/credentials/limits.ts';
import type { Exchange } from '../../src/credentials/sts/exchange.ts';
import { createVending, type Vended } from '../../src/credentials/vending.ts';
import type { IdentityToken, IdentityTokenSource } from '../../src/identity-token/identity-token.ts';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { sessionNameOf, type Workload } from '../../src/workload/workload.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { workload } from '../support/workload.ts';
import { identityToken, silent } from './sts/support.ts';

export interface ExchangeCall {
  readonly workload: Workload;
  readonly token: IdentityToken;
  readonly at: number;
  readonly signal: AbortSignal | undefined;
  grant(parts?: Partial<Credentials>): void;
  fail(error: Error): void;
}

export interface FakeExchange extends Exchange {
  readonly calls: ExchangeCall[];
  /** What was granted, by access-key id. */
  readonly granted: Map<string, Credentials>;
  /** What becomes of a call; default: granted at once. */
  answer: (call: ExchangeCall) => void;
  /** What STS gives, ms. */
  lifetime: number;
}

export function fakeExchange(clock: FakeClock): FakeExchange {
  const fake: FakeExchange = {
    calls: [],
    granted: new Map(),
    answer: call => call.grant(),
    lifetime: 3_600_000,
    exchange: (asked, token, { signal } = {}) =>
      new Promise((resolve, reject) => {
        const number = fake.calls.length + 1;
        const call: ExchangeCall = {
          workload: asked,
          token,
          at: clock.monotonic(),
          signal,
          grant(parts) {
            const accessKeyId = `ASIA${number}`;
            const granted = credentials(asked, clock, { accessKeyId, lifetime: fake.lifetime, ...parts });
            fake.granted.set(granted.accessKeyId, granted);
            resolve(granted);
          },
          fail: reject,
        };
        fake.calls.push(call);
        fake.answer(call);
      }),
    close() {},
  };
  return fake;
}

export function credentials(
  { role, wallet, name }: Workload,
  clock: FakeClock,
  { lifetime = 3_600_000, ...parts }: Partial<Credentials> & { lifetime?: number } = {},
): Credentials {
  return {
    accessKeyId: 'ASIA0',
    // Whose they are stands in the secret, for tests of isolation.
    secretAccessKey: `secret-of-${wallet}`,
    sessionToken: `session-of-${name}`,
    expiration: clock.wall() + lifetime,
    roleArn: role.arn,
    accountId: '123456789012',
    sessionName: sessionNameOf({ wallet, name }),
    requestId: 'request-1',
    receivedAt: clock.wall(),
    askedMonotonic: clock.monotonic(),
    stsDate: clock.wall(),
    ...parts,
  };
}

export interface FakeAuditLog extends AuditLog {
  readonly records: AuditRecord[];
  readonly failures: AuditRecord[];
  available: boolean;
  reason: string | undefined;
  /** The appends that wait to be completed by the test, where `paused` is set. */
  readonly pending: { record: AuditRecord; durable(): void; lost(): void }[];
  paused: boolean;
  /** Every record that is on disk and vends, summed. */
  vends(): number;
}

export function fakeAuditLog(): FakeAuditLog {
  const auditLog: FakeAuditLog = {
    records: [],
    failures: [],
    available: true,
    reason: undefined,
    pending: [],
    paused: false,
    append(event) {
      const record = recordOf(event);
      if (!auditLog.available) return Promise.reject(new AuditUnavailable('disk full'));
      if (!auditLog.paused) {
        auditLog.records.push(record);
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        auditLog.pending.push({
          record,
          durable() {
            auditLog.records.push(record);
            resolve();
          },
          lost: () => reject(new AuditUnavailable('not written within 0.5 s')),
        });
      });
    },
    recordFailure: event => void auditLog.failures.push(recordOf(event)),
    close: async () => {},
    vends: () => auditLog.records.filter(({ outcome }) => outcome === 'ok').reduce((sum, { count }) => sum + count, 0),
  };
  return auditLog;
}

export interface FakeTokens extends IdentityTokenSource {
  readonly presented: (string | undefined)[];
  answer: (asked: Workload) => Promise<IdentityToken>;
}

export function fakeTokens(): FakeTokens {
  let number = 0;
  const fake: FakeTokens = {
    presented: [],
    answer: async () => identityToken({ jwt: `jwt-${++number}` }),
    get(asked, options) {
      fake.presented.push(options?.presentedToken);
      return fake.answer(asked);
    },
  };
  return fake;
}

export function callerOf(of: Workload, parts: Partial<Caller> = {}): Caller {
  return { workload: of, kind: 'token', tokenHash: `hash-of-${of.name}`, ...parts };
}

/** Everything at once, with one configured workload that isn't prefetched. */
export function setUp(options: { limits?: Partial<VendingLimits>; random?: () => number } = {}) {
  const clock = fakeClock();
  const exchange = fakeExchange(clock);
  const auditLog = fakeAuditLog();
  const tokens = fakeTokens();
  const metrics = createMetrics();
  const vending = createVending({
    clock,
    exchange,
    auditLog,
    tokens,
    metrics,
    log: silent,
    random: () => 0.5,
    ...options,
  });
  const w = workload();
  const caller = callerOf(w);
  vending.reconcile([{ workload: w, prefetch: false }]);
  return { clock, exchange, auditLog, tokens, metrics, vending, w, caller };
}

/** What a vend came to: `cached ASIA1`, or the code of its failure; a vend that answered at once is marked. */
export async function outcome(vended: Vended | Promise<Vended>): Promise<string> {
  if (!(vended instanceof Promise)) return `${describe(vended)} at once`;
  return vended.then(describe, codeOf);
}

/** What a mint came to: the access-key id, or the code of its failure. */
export function minted(mint: Promise<Credentials>): Promise<string> {
  return mint.then(({ accessKeyId }) => `minted ${accessKeyId}`, codeOf);
}

function describe({ source, credentials: { accessKeyId } }: Vended): string {
  return `${source} ${accessKeyId}`;
}

function codeOf(error: { code?: string }): string {
  return error.code ?? String(error);
}

/** The answer's JSON. */
export function bodyOf({ body }: Vended): { AccessKeyId: string; SecretAccessKey: string; Token: string } {
  return JSON.parse(body);
}
