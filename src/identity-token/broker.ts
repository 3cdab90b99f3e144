/**
 * Identity tokens from a broker: `POST {url}/v1/mint-oidc-jwt`. The bearer is read from its file for every token, since others
 * renew it there. A refused bearer is not sent again for ten seconds, so a wrong one doesn't become a storm of calls.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { BrokerRefused, BrokerUnavailable, CredentialsUninitialized, TagMismatch } from '../lib/errors.ts';
import { UnreadableFile } from '../lib/files/read-text.ts';
import { readTrusted } from '../lib/files/read-trusted.ts';
import { OutboundError, type OutboundResponse, request } from '../lib/http-client.ts';
import { isObject, parseStrictJson, StrictJsonError } from '../lib/json.ts';
import { withoutTrailingSlashes } from '../lib/text/plain.ts';
import type { Wallet } from '../workload/wallet.ts';
import { type BrokerSource, forwardsCaller } from '../workload/workload.ts';
import { MAX_TOKEN_LENGTH } from './check.ts';
import type { TokenOptions } from './identity-token.ts';

/** After this an unchanged bearer is tried again, so workloads are back soon after the broker is. */
const REFUSAL_MS = 10_000;
const TIMEOUT_MS = 5_000;
const MAX_BEARER = 16 * 1024;

interface Bearer {
  readonly value: string;
  /** Which bearer, in which state of its file; never the bearer itself. */
  readonly fingerprint: string;
  readonly name: string;
}

/** The raw source for `identity_token.broker`; the check of the claims comes behind it, as for every source. */
export function createBrokerClient(deps: { clock: Clock }) {
  const refused = new LRUCache<string, { message: string; until: number }>({ max: 1_000 });

  /** @throws BrokerRefused, BrokerUnavailable, CredentialsUninitialized (the bearer file), TagMismatch (another's wallet) */
  return async (config: BrokerSource, wallet: Wallet, options: TokenOptions = {}): Promise<string> => {
    const bearer = await bearerOf(config.bearer, options.presentedToken);
    const key = createHash('sha256')
      .update(JSON.stringify([config.url, bearer.fingerprint]))
      .digest('base64');
    const earlier = refused.get(key);
    if (earlier !== undefined && deps.clock.monotonic() < earlier.until) throw new BrokerRefused(earlier.message);
    const answer = await call(config, bearer, deps.clock, options.signal);
    if (answer.status === 401 || answer.status === 403) {
      const message = `the broker at ${config.url} refuses ${bearer.name} (${answer.status}${errorKind(answer.body)})`;
      refused.set(key, { message, until: deps.clock.monotonic() + REFUSAL_MS });
      throw new BrokerRefused(message);
    }
    refused.delete(key);
    return tokenOf(answer, config, wallet);
  };
}

async function bearerOf(
  source: { readonly file: string } | 'caller',
  presentedToken: string | undefined,
): Promise<Bearer> {
  if (source === 'caller') {
    const value = presentedToken?.replace(/^Bearer +/i, '') ?? '';
    if (!isBearer(value))
      throw new BrokerRefused("the caller presented no token that the broker's bearer: caller could forward");
    return { value, fingerprint: value, name: "the caller's token" };
  }
  const { file } = source;
  try {
    const { text, stats } = await readTrusted(file, MAX_BEARER);
    const value = text.trim();
    if (value === '') throw new CredentialsUninitialized(`bearer_file ${file}: it is empty`);
    if (!isBearer(value))
      throw new CredentialsUninitialized(`bearer_file ${file}: it holds more than one line of visible ASCII`);
    return { value, fingerprint: `${stats.mtimeMs} ${stats.size} ${value}`, name: `the bearer in ${file}` };
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new CredentialsUninitialized(`bearer_file ${file}: ${error.message}`);
  }
}

function isBearer(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

async function call(
  config: BrokerSource,
  bearer: Bearer,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<OutboundResponse> {
  try {
    return await request({
      url: `${withoutTrailingSlashes(config.url)}/v1/mint-oidc-jwt`,
      method: 'POST',
      headers: { authorization: `Bearer ${bearer.value}` },
      body: '',
      caFile: config.caFile,
      allowInsecureHttp: config.allowInsecureHttp,
      proxy: config.proxy,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_TOKEN_LENGTH + 4_096,
      signal,
      clock,
    });
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new BrokerUnavailable(`the broker at ${config.url} can't be asked: ${error.message}`);
  }
}

function tokenOf(answer: OutboundResponse, config: BrokerSource, expected: Wallet): string {
  const { url } = config;
  if (answer.status !== 200) {
    throw new BrokerUnavailable(`the broker at ${url} answers ${answer.status}${errorKind(answer.body)}`);
  }
  const { jwt, wallet } = membersOf(answer.body);
  if (typeof jwt !== 'string' || typeof wallet !== 'string') {
    throw new BrokerUnavailable(`the broker at ${url} answers 200 without {jwt, wallet, expiration}`);
  }
  if (wallet !== expected) {
    const fix = forwardsCaller(config) ? 'what the broker has under callers for this caller' : 'bearer_file';
    throw new TagMismatch('wallet', `the broker at ${url} answers for another wallet than ${expected}; check ${fix}`);
  }
  return jwt;
}

/** The broker's error code, where it is a plain word. Nothing else of its response is repeated. */
function errorKind(body: string): string {
  const { error } = membersOf(body);
  return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : '';
}

function membersOf(body: string): Record<string, unknown> {
  try {
    const value = parseStrictJson(body);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof StrictJsonError) return {};
    throw error;
  }
}
