/**
 * One fetch of credentials: a place in the limit, STS, a check against the current snapshot, the audit record on disk.
 * Credentials exist for callers only then. Every other ending is recorded as what it was.
 *
 * @module
 */
import { LOCAL, type VendVia } from '../audit/event.ts';
import type { Caller } from '../auth/caller.ts';
import { AuditUnavailable, type CredentialsUninitialized, StsUnavailable, WalletcredsError } from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { isoSeconds } from '../lib/time/iso.ts';
import { type AskStsOptions, auditUnavailable, createAskSts } from './ask-sts.ts';
import type { Backoff } from './backoff.ts';
import { type Credentials, lifeLeft, lifetime } from './credentials.ts';
import type { Flight } from './flight.ts';
import type { CallOutcome, Limiter } from './limiter.ts';
import type { VendingLimits } from './limits.ts';
import { noLongerConfigured } from './registry.ts';
import type { PresentedToken, WorkloadState } from './workload-state.ts';

export interface FetcherOptions extends AskStsOptions {
  readonly log: Logger;
  readonly limits: VendingLimits;
  readonly limiter: Limiter;
  readonly backoff: Backoff;
}

export interface FetchRequest<T> {
  readonly state: WorkloadState;
  readonly via: VendVia;
  /** Tells who asks, and when to stop. */
  readonly flight: Pick<Flight<unknown>, 'caller' | 'signal'>;
  readonly presented: PresentedToken | undefined;
  /** Default: as long as it takes. */
  readonly maxQueueMs?: number;
  /** Makes of the credentials what is kept, before they are recorded. @throws WalletcredsError for what nobody could read */
  readonly prepare: (credentials: Credentials) => T;
}

/** Credentials whose record is on disk. */
export interface Fetched<T> {
  readonly credentials: Credentials;
  readonly prepared: T;
  /** Whom the record names; undefined: nobody. */
  readonly caller: Caller | undefined;
}

export type FetchCredentials = <T>(request: FetchRequest<T>) => Promise<Fetched<T>>;

/** What it makes rejects with a WalletcredsError that back-off has been told of, or with the flight's reason. */
export function createFetcher(options: FetcherOptions): FetchCredentials {
  const { clock, auditLog, log, limits, limiter, backoff } = options;
  const askSts = createAskSts(options);

  type Request = Omit<FetchRequest<unknown>, 'prepare'>;

  function eventOf({ state, via }: Request, caller: Caller | undefined) {
    return { at: clock.wall(), workload: state.workload, requester: caller ?? LOCAL, via };
  }

  function discarded(
    request: Request,
    credentials: Credentials | undefined,
    caller = request.flight.caller,
  ): CredentialsUninitialized {
    const { workload } = request.state;
    log.warn(
      { workload: workload.name, access_key_id: credentials?.accessKeyId },
      'an exchange was discarded: its identity left the configuration',
    );
    auditLog.append({ type: 'exchange-discarded', ...eventOf(request, caller), credentials }).catch(error => {
      log.error({ workload: workload.name, err: error }, 'the record of a discarded exchange is lost');
    });
    return noLongerConfigured(workload);
  }

  function failed(request: Request, thrown: unknown): WalletcredsError {
    const { state, presented } = request;
    const error = thrown instanceof WalletcredsError ? thrown : unexpected(thrown);
    const before = state.failure?.error;
    const stillDown = error instanceof AuditUnavailable && before instanceof AuditUnavailable;
    const { count, retryAt } = backoff.failed(state, error, presented);
    // The audit log's own failure can't be written to it.
    if (!(error instanceof AuditUnavailable))
      auditLog.recordFailure({ type: 'exchange-failed', ...eventOf(request, request.flight.caller), error });
    log[stillDown ? 'debug' : 'warn'](
      {
        workload: state.workload.name,
        wallet: state.workload.wallet,
        ...errorFields(error),
        failures: count,
        retryInMs: Math.round(retryAt - clock.monotonic()),
      },
      'no credentials from STS',
    );
    return error;
  }

  return async request => {
    const { state, via, flight, presented, prepare } = request;
    const { signal } = flight;
    const release = await limiter.acquire(signal, request.maxQueueMs).catch(error => {
      throw signal.aborted ? error : failed(request, error);
    });
    let outcome: CallOutcome = 'failed';
    let stsAsked = false;
    let credentials: Credentials | undefined;
    let prepared: ReturnType<typeof prepare>;
    try {
      const asking = () => {
        if (state.removed) throw noLongerConfigured(state.workload);
        stsAsked = true;
      };
      credentials = await askSts({ workload: state.workload, signal, presented: presented?.value, asking });
      outcome = 'ok';
      const left = lifeLeft(credentials, clock);
      if (left < Math.min(limits.minRemainingLifetime, lifetime(credentials) / 4)) throw tooShort(credentials, left);
      prepared = prepare(credentials);
    } catch (error) {
      if (error instanceof StsUnavailable && error.throttled) outcome = 'throttled';
      if (state.removed) throw stsAsked ? discarded(request, credentials) : noLongerConfigured(state.workload);
      throw signal.aborted ? signal.reason : failed(request, error);
    } finally {
      release(outcome);
    }
    if (state.removed) throw discarded(request, credentials);
    signal.throwIfAborted();
    const { caller } = flight;
    try {
      const event = eventOf(request, caller);
      await auditLog.append({ type: 'credentials-vended', ...event, credentials, source: 'fetched', count: 1 });
    } catch (error) {
      throw failed(request, error instanceof AuditUnavailable ? error : auditUnavailable(errorFields(error).message));
    }
    if (state.removed) throw discarded(request, credentials, caller);
    signal.throwIfAborted();
    state.failure = undefined;
    log.info(
      {
        workload: state.workload.name,
        wallet: state.workload.wallet,
        access_key_id: credentials.accessKeyId,
        expires: isoSeconds(credentials.expiration),
        via,
        by: (caller ?? LOCAL).kind,
      },
      'credentials from STS',
    );
    return { credentials, prepared, caller };
  };
}

function tooShort(credentials: Credentials, left: number): StsUnavailable {
  const ahead = Math.round((credentials.receivedAt - credentials.stsDate) / 1000);
  const skew = ahead > 60 ? `; this machine's clock is ${ahead} s ahead of STS's, set it right` : '';
  return new StsUnavailable(`the credentials that STS gave end in ${Math.round(left / 1000)} s${skew}`);
}

/** A fault of ours or of a dependency: its text may hold anything, so only its name is told. */
function unexpected(thrown: unknown): StsUnavailable {
  return new StsUnavailable(`the exchange failed unexpectedly (${errorFields(thrown).code})`);
}
