/**
 * The exchange over `@aws-sdk/client-sts`: one unsigned call within one deadline. Each way it can end has its error.
 *
 * @module
 */
import type { Agent } from 'node:https';
import type { StsConfig } from '../../config/types.ts';
import type { Clock } from '../../lib/clock.ts';
import { isProxied } from '../../lib/egress-proxy.ts';
import { WalletcredsError } from '../../lib/errors.ts';
import { assertUrlAllowed, caAgent, OutboundError } from '../../lib/http-client.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import { sessionNameOf } from '../../workload/workload.ts';
import type { StsClient } from './client.ts';
import type { Exchange } from './exchange.ts';
import { credentialsOf } from './response.ts';
import { unavailable } from './unavailable.ts';

export interface ExchangeOptions {
  readonly sts: StsConfig;
  readonly region: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface StsExchange extends Exchange {
  /** Loads the SDK, so that the first exchange needn't. Never rejects: what is wrong shows at the exchange. */
  preload(): Promise<void>;
}

/**
 * The SDK is loaded at the first exchange (or {@link StsExchange.preload}). A changed CA file counts from the next exchange
 * on; one that can't be read fails that exchange alone.
 *
 * @throws OutboundError at once for an endpoint that is neither https nor http to loopback, unless the configuration allows it
 */
export function createExchange({ sts, region, clock, log }: ExchangeOptions): StsExchange {
  const place = assertUrlAllowed(sts.endpoint, sts.allowInsecureHttp).origin;
  /** The client, and the agent that trusts what the CA file held when it was made. */
  let current: { readonly authorities: Agent; readonly client: StsClient } | undefined;
  let closed = false;

  async function load(): Promise<StsClient> {
    const authorities = await authoritiesOf(sts.caFile);
    if (current?.authorities === authorities) return current.client;
    const { createStsClient } = await import('./client.ts');
    // Another exchange may have made it in the meantime. The old client still serves the exchanges that began with it.
    if (current?.authorities === authorities) return current.client;
    sayNodeVersionOnce(log);
    const ca = authorities.options.ca;
    const client = createStsClient({
      endpoint: sts.endpoint,
      region,
      ca: typeof ca === 'string' ? ca : undefined,
      proxy: sts.proxy !== undefined && isProxied(new URL(sts.endpoint), sts.proxy) ? sts.proxy : undefined,
    });
    current = { authorities, client };
    return client;
  }

  return {
    async preload() {
      await load().catch(() => {});
    },

    async exchange(workload, token, { signal } = {}) {
      if (closed || isAborted(signal)) throw unavailable('the exchange was called off');
      const sdk = await load();
      const sessionName = sessionNameOf(workload);
      const ended = new AbortController();
      let timedOut = false;
      const stop = () => ended.abort();
      const cancelDeadline = clock.schedule(() => {
        timedOut = true;
        stop();
      }, sts.timeoutMs);
      signal?.addEventListener('abort', stop, { once: true });
      try {
        const monotonic = clock.monotonic();
        const answer = await sdk.assumeRole(
          {
            RoleArn: workload.role.arn,
            RoleSessionName: sessionName,
            WebIdentityToken: token.jwt,
            DurationSeconds: workload.sessionDuration,
            ...(workload.sessionPolicy === undefined ? {} : { Policy: workload.sessionPolicy }),
          },
          ended.signal,
        );
        return credentialsOf(answer, { workload, token, sessionName, monotonic }, clock);
      } catch (error) {
        if (error instanceof WalletcredsError) throw error;
        if (timedOut) throw unavailable(`STS at ${place} gave no answer within ${sts.timeoutMs / 1000} s`);
        if (isAborted(signal)) throw unavailable('the exchange was called off');
        throw unexpected(error, place);
      } finally {
        cancelDeadline();
        signal?.removeEventListener('abort', stop);
      }
    },

    close() {
      closed = true;
      current?.client.destroy();
    },
  };
}

/** A function, since the signal changes while the call is awaited. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function authoritiesOf(caFile: string | undefined): Promise<Agent> {
  try {
    return await caAgent(caFile);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw unavailable(`sts.ca_file can't be used: ${error.message}`);
  }
}

/**
 * The network's errors by their code, the parser's by their name. Never the SDK's text for an unreadable answer: it may
 * quote the answer.
 */
function unexpected(error: unknown, place: string): Error {
  const { code, message } = errorFields(error);
  if (/^[A-Z0-9_]+$/.test(code) && (/^(E[A-Z_]|DEPTH_ZERO|UNABLE_TO)/.test(code) || code.includes('CERT'))) {
    return unavailable(`STS at ${place} can't be reached: ${code}${message === '' ? '' : ` (${message})`}`);
  }
  return unavailable(`STS at ${place} answered what can't be read as AssumeRoleWithWebIdentity's XML (${code})`);
}

/** The SDK's Node version that is required next, in one line instead of its own many. */
let saidNodeVersion = false;
function sayNodeVersionOnce(log: Logger): void {
  if (saidNodeVersion || Number.parseInt(process.versions.node, 10) >= 22) return;
  saidNodeVersion = true;
  log.info(
    { node: process.versions.node },
    'the AWS SDK announces that its versions from January 2027 on need Node 22',
  );
}
