/**
 * One call to the session backend, whose answer is a wallet, a refusal, or a failure of the backend.
 *
 * @module
 */
import type { SessionBackendConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { SessionBackendUnavailable } from '../lib/errors.ts';
import { type OutboundResponse, request } from '../lib/http-client.ts';
import { membersOf } from '../lib/json.ts';
import { errorFields } from '../lib/log.ts';
import { masked } from '../lib/text/masked.ts';
import { withoutTrailingSlashes } from '../lib/text/plain.ts';
import { InvalidWallet, parseWallet, type Wallet } from '../workload/wallet.ts';

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 2_000;

/** The wallet of the session, or the backend's message of a refusal. */
export type SessionAnswer = { readonly wallet: Wallet } | { readonly refused: string };

/** @throws SessionBackendUnavailable for everything but a 200 with a wallet and a 401 */
export async function validateSession(
  config: SessionBackendConfig,
  bearer: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SessionAnswer> {
  const { status, body } = await call(config, bearer, options);
  const members = membersOf(body);
  if (status === 401) return { refused: wordsOf(members, bearer) };
  if (status !== 200) throw unavailable(`the session backend answered ${status}`);
  const wallet = members['wallet'];
  if (typeof wallet !== 'string') throw unavailable('the session backend answered without a wallet');
  try {
    return { wallet: parseWallet(wallet) };
  } catch (error) {
    if (!(error instanceof InvalidWallet)) throw error;
    throw unavailable(`the session backend answered with what is no wallet: ${error.message}`);
  }
}

async function call(
  config: SessionBackendConfig,
  bearer: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<OutboundResponse> {
  try {
    return await request({
      url: `${withoutTrailingSlashes(config.url)}/session/validate`,
      headers: { authorization: `Bearer ${bearer}` },
      caFile: config.caFile,
      allowInsecureHttp: config.allowInsecureHttp,
      proxy: config.proxy,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      ...options,
    });
  } catch (error) {
    throw unavailable(`the session backend can't be asked: ${errorFields(error).message}`);
  }
}

/** The answer to a client doesn't say what failed; the log and readiness do. */
function unavailable(why: string): SessionBackendUnavailable {
  return new SessionBackendUnavailable('the session backend gave no usable answer; ask again', {
    cause: new Error(why),
  });
}

/** The backend's message, without the bearer that it may echo. */
function wordsOf({ message, error }: Record<string, unknown>, bearer: string): string {
  const said = message ?? error;
  if (typeof said !== 'string' || said === '') return 'the session backend refused the session';
  return masked(said.replaceAll(bearer, '[bearer]'));
}
