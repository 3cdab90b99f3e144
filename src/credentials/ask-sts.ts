/**
 * A fresh identity token, shown to STS: once, and once more where STS says that it has expired.
 *
 * @module
 */
import type { AuditLog } from '../audit/log.ts';
import type { IdentityTokenSource } from '../identity-token/identity-token.ts';
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable, CredentialsUninitialized, StsRefused } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { masked } from '../lib/text/masked.ts';
import { withTimeout } from '../lib/timeout.ts';
import { metricLabel, type Workload } from '../workload/workload.ts';
import type { Credentials } from './credentials.ts';
import { isExpiredToken } from './sts/errors.ts';
import type { Exchange } from './sts/exchange.ts';

export interface AskStsOptions {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly tokens: IdentityTokenSource;
  readonly auditLog: AuditLog;
  readonly metrics: Metrics;
  readonly limits: { readonly tokenTimeout: number };
}

export interface Question {
  readonly workload: Workload;
  readonly signal: AbortSignal;
  /** What the identity token is fetched with, where the workload forwards it. */
  readonly presented: string | undefined;
  /** Called before STS is. */
  readonly asking: () => void;
}

export type AskSts = (question: Question) => Promise<Credentials>;

/** What it makes throws whatever token source and exchange throw; AuditUnavailable while the audit log is down. */
export function createAskSts(options: AskStsOptions): AskSts {
  const { clock, exchange, tokens, auditLog, metrics, limits } = options;

  async function once({ workload, signal, presented, asking }: Question): Promise<Credentials> {
    // While the audit log is down nothing is signed and STS isn't called: the outcome couldn't be handed out.
    if (!auditLog.available) throw auditUnavailable(auditLog.reason);
    const getting = tokens.get(workload, { signal, ...(presented === undefined ? {} : { presentedToken: presented }) });
    const late = () => new CredentialsUninitialized(`no identity token within ${limits.tokenTimeout / 1000} s`);
    const token = await withTimeout(getting, limits.tokenTimeout, clock, late);
    signal.throwIfAborted();
    asking();
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

  return async question => {
    try {
      return await once(question);
    } catch (error) {
      if (!isExpiredToken(error) || question.signal.aborted) throw error;
    }
    try {
      return await once(question);
    } catch (error) {
      throw isExpiredToken(error) ? clockDiffers(error) : error;
    }
  };
}

export function auditUnavailable(reason: string | undefined): AuditUnavailable {
  return new AuditUnavailable(`the audit log can't be written${reason === undefined ? '' : `: ${masked(reason)}`}`);
}

/** A token that was made just now has expired by STS's clock, so no retry helps. */
function clockDiffers({ code, message, requestId }: StsRefused): StsRefused {
  const fix = 'a fresh token was refused as well, so set the clock of the machine that signs it right';
  return new StsRefused(code, `${message}; ${fix}`, { requestId });
}
