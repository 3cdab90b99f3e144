/**
 * One attempt: a place among the few, a fresh JWT, STS, a look at the current snapshot, the row on disk. Only then are
 * there credentials; every other ending is recorded as what it was.
 *
 * @module
 */
import { LOCAL, type VendVia } from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Caller } from '../auth/caller.ts';
import type { IdentityTokenSource } from '../identity-token/identity-token.ts';
import type { Clock } from '../lib/clock.ts';
import {
  AuditUnavailable,
  CredentialsUninitialized,
  StsRefused,
  StsUnavailable,
  WalletcredsError,
} from '../lib/errors.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { masked } from '../lib/text/masked.ts';
import { within } from '../lib/timeout.ts';
import { metricLabel } from '../workload/workload.ts';
import type { Backoff } from './backoff.ts';
import { type Credentials, lifeLeft, lifetime } from './credentials.ts';
import type { Limiter } from './limiter.ts';
import type { VendingLimits } from './limits.ts';
import { isExpiredToken } from './sts/errors.ts';
import type { Exchange } from './sts/exchange.ts';
import { needsProof, type Slot } from './workload-state.ts';

export interface AttemptOptions {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly tokens: IdentityTokenSource;
  readonly auditLog: AuditLog;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly limits: VendingLimits;
  readonly limiter: Limiter;
  readonly backoff: Backoff;
  /** @throws WalletcredsError for credentials that could not be handed out at the endpoint */
  readonly acceptable?: ((credentials: Credentials) => unknown) | undefined;
}

/** For whom, on whose behalf, and through which door. */
interface AttemptFor {
  readonly slot: Slot;
  /** Undefined: by itself (prefetch, renewal). */
  readonly caller: Caller | undefined;
  readonly via: VendVia;
  readonly signal: AbortSignal;
}

/** Credentials whose row is on disk. */
export interface Obtained {
  readonly credentials: Credentials;
  /** Whom the row names: the caller, or who had come to wait for it by then; undefined: nobody. */
  readonly caller: Caller | undefined;
}

export type Attempt = (about: AttemptFor) => Promise<Obtained>;

/** What an attempt has done so far, for how its end is recorded. */
interface Running extends AttemptFor {
  stsAsked: boolean;
}

/** What it makes rejects with a WalletcredsError that back-off has been told of. */
export function createAttempt(options: AttemptOptions): Attempt {
  const { clock, exchange, tokens, auditLog, log, metrics, limits, limiter, backoff, acceptable } = options;

  async function ask(running: Running): Promise<Credentials> {
    const { slot, caller, signal } = running;
    const { workload } = slot;
    // While the audit log is down nothing is signed and STS isn't called: what came of it couldn't be handed out.
    if (!auditLog.available) throw auditUnavailable(auditLog.reason);
    const proof = needsProof(workload) ? (caller?.proof ?? slot.proof) : undefined;
    const getting = tokens.get(workload, { signal, ...(proof === undefined ? {} : { proof }) });
    const late = () => new CredentialsUninitialized(`no identity token within ${limits.tokenTimeout / 1000} s`);
    const token = await within(getting, limits.tokenTimeout, clock, late);
    signal.throwIfAborted();
    if (slot.gone) throw discardedNow(slot);
    running.stsAsked = true;
    const began = clock.monotonic();
    const ended = (outcome: string) =>
      metrics.exchange(metricLabel(workload), outcome, (clock.monotonic() - began) / 1000);
    try {
      const credentials = await exchange.exchange(workload, token, { signal });
      ended('ok');
      return credentials;
    } catch (error) {
      ended(errorFields(error).code);
      throw error;
    }
  }

  /** A JWT lives for minutes and may have run out on the way: a fresh one, once. Then it's the clock, and final. */
  async function askWithFreshToken(running: Running): Promise<Credentials> {
    try {
      return await ask(running);
    } catch (error) {
      if (!isExpiredToken(error) || running.signal.aborted) throw error;
    }
    try {
      return await ask(running);
    } catch (error) {
      throw isExpiredToken(error) ? clockDoubted(error) : error;
    }
  }

  function discarded(
    about: AttemptFor,
    credentials: Credentials | undefined,
    by = about.caller,
  ): CredentialsUninitialized {
    const { workload } = about.slot;
    log.warn(
      { workload: workload.name, access_key_id: credentials?.accessKeyId },
      'an exchange was discarded: its identity left the configuration',
    );
    auditLog.append({ type: 'exchange-discarded', ...eventAbout(about, by), credentials }).catch(error => {
      log.error({ workload: workload.name, err: error }, 'the row of a discarded exchange is lost');
    });
    return discardedNow(about.slot);
  }

  function eventAbout({ slot, caller, via }: AttemptFor, by = caller) {
    return { at: clock.wall(), workload: slot.workload, requester: by ?? LOCAL, via };
  }

  function failed(about: AttemptFor, thrown: unknown): WalletcredsError {
    const { slot, caller } = about;
    const error = thrown instanceof WalletcredsError ? thrown : unexpected(thrown);
    const stillDown = error instanceof AuditUnavailable && slot.error instanceof AuditUnavailable;
    backoff.failed(slot, error, caller);
    // What the audit log's own failure would say of it can't be written.
    if (!(error instanceof AuditUnavailable))
      auditLog.recordFailure({ type: 'exchange-failed', ...eventAbout(about), error });
    log[stillDown ? 'debug' : 'warn'](
      {
        workload: slot.workload.name,
        wallet: slot.workload.wallet,
        ...errorFields(error),
        failures: slot.failures,
        retryInMs: Math.round(slot.retryAt - clock.monotonic()),
      },
      'no credentials from STS',
    );
    return error;
  }

  return async function attempt(about) {
    const { slot, caller, via, signal } = about;
    const giveBack = await limiter.acquire(signal);
    const running: Running = { ...about, stsAsked: false };
    let credentials: Credentials | undefined;
    try {
      if (slot.gone) throw discardedNow(slot);
      credentials = await askWithFreshToken(running);
      const left = lifeLeft(credentials, clock);
      if (left < Math.min(limits.floor, lifetime(credentials) / 4)) throw tooShort(credentials, left);
      if (via === 'endpoint') acceptable?.(credentials);
    } catch (error) {
      if (slot.gone) throw running.stsAsked ? discarded(about, credentials) : discardedNow(slot);
      if (signal.aborted) throw signal.reason;
      throw failed(about, error);
    } finally {
      giveBack();
    }
    if (slot.gone) throw discarded(about, credentials);
    if (signal.aborted) throw signal.reason;
    // What a caller began is his; what began by itself goes to who waits for it by now.
    const named = caller ?? slot.waiter;
    try {
      const event = eventAbout(about, named);
      await auditLog.append({ type: 'credentials-vended', ...event, credentials, source: 'fetched', count: 1 });
    } catch (error) {
      throw failed(about, error instanceof AuditUnavailable ? error : auditUnavailable(errorFields(error).message));
    }
    if (slot.gone) throw discarded(about, credentials, named);
    if (signal.aborted) throw signal.reason;
    backoff.succeeded(slot);
    log.info(
      {
        workload: slot.workload.name,
        wallet: slot.workload.wallet,
        access_key_id: credentials.accessKeyId,
        expires: new Date(credentials.expiration).toISOString(),
        via,
        by: (named ?? LOCAL).kind,
      },
      'credentials from STS',
    );
    return { credentials, caller: named };
  };
}

export function auditUnavailable(reason: string | undefined): AuditUnavailable {
  return new AuditUnavailable(`the audit log can't be written${reason === undefined ? '' : `: ${masked(reason)}`}`);
}

function tooShort(credentials: Credentials, left: number): StsUnavailable {
  const ahead = Math.round((credentials.receivedAt - credentials.stsDate) / 1000);
  const skew = ahead > 60 ? `; this machine's clock is ${ahead} s ahead of STS's, set it right` : '';
  return new StsUnavailable(`the credentials that STS gave end in ${Math.round(left / 1000)} s${skew}`);
}

export function discardedNow({ workload }: Slot): CredentialsUninitialized {
  return new CredentialsUninitialized(`workload ${workload.name} is no longer configured as it was when it asked`);
}

/** A token that was made just now has expired by STS's clock: the one thing that no retry mends. */
function clockDoubted({ code, message, requestId }: StsRefused): StsRefused {
  const mend = 'a fresh token was refused as well, so set the clock of the machine that signs it right';
  return new StsRefused(code, `${message}; ${mend}`, { requestId });
}

/** A fault of ours or of a dependency: its text may hold anything, so only its name is told. */
function unexpected(thrown: unknown): StsUnavailable {
  return new StsUnavailable(`the exchange failed unexpectedly (${errorFields(thrown).code})`);
}
