/**
 * The OpenID Connect providers of the emulated account, and their keys. Discovery and JWKS are fetched from the issuers
 * that were registered, never from what a token names.
 *
 * @module
 */
import type { JsonWebKey } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { noVerificationKey, StsError } from './errors.ts';

/** An OpenID Connect provider as registered at IAM. */
export interface EmulatedIssuer {
  /** Byte for byte what tokens have as `iss` and discovery as `issuer`. Unlike AWS, http and a port are taken. */
  readonly issuer: string;
  /** The provider's client ids: `aud` must be one of them. */
  readonly audiences: readonly string[];
}

/** How a document is fetched; `fetch` by default. */
export type FetchIssuer = (url: string, init: { signal: AbortSignal; redirect: 'error' }) => Promise<Response>;

export interface Provider extends EmulatedIssuer {
  /** `arn:aws:iam::<account>:oidc-provider/<host and path>` */
  readonly arn: string;
  /** Host and path: what stands before `:aud` in a condition key. */
  readonly prefix: string;
  /** @param fresh past the cache, for a key id that the cached set lacks */
  keys(fresh?: boolean): Promise<readonly JsonWebKey[]>;
}

/** STS gives an identity provider five seconds. */
const FETCH_TIMEOUT_MS = 5_000;
const MAX_DOCUMENT_BYTES = 262_144;
/** Of each kind: 100 RSA keys and 100 EC keys, says IAM's guide. */
const MAX_KEYS = 100;

/**
 * The ARN under which an issuer is registered at IAM.
 *
 * @param partition `aws-cn`, `aws-us-gov`, …
 */
export function providerArn(accountId: string, issuer: string, partition = 'aws'): string {
  return `arn:${partition}:iam::${accountId}:oidc-provider/${issuer.replace(/^https?:\/\//, '')}`;
}

export function createProvider(
  registered: EmulatedIssuer,
  options: { accountId: string; partition: string; clock: Clock; fetchIssuer: FetchIssuer; jwksMaxAgeMs: number },
): Provider {
  const { issuer, audiences } = registered;
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new TypeError(`issuers: ${JSON.stringify(issuer)} must be an http(s) URL without query`);
  }
  if (audiences.length === 0) throw new TypeError(`issuers: ${issuer} needs at least one audience (client id)`);
  let cached: { keys: Promise<readonly JsonWebKey[]>; at: number } | undefined;

  async function fetchKeys(): Promise<readonly JsonWebKey[]> {
    const discovery = await fetchJson(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      options.fetchIssuer,
    );
    if (discovery['issuer'] !== issuer) throw noVerificationKey('discovery names another issuer');
    const jwksUri = discovery['jwks_uri'];
    if (typeof jwksUri !== 'string' || !/^https?:\/\//.test(jwksUri))
      throw noVerificationKey('discovery has no jwks_uri');
    const { keys } = await fetchJson(jwksUri, options.fetchIssuer);
    if (!Array.isArray(keys)) throw noVerificationKey('the JWKS has no list of keys');
    const found = keys.filter((key): key is JsonWebKey => typeof key === 'object' && key !== null);
    for (const kty of ['RSA', 'EC']) {
      const count = found.filter(key => key.kty === kty).length;
      if (count > MAX_KEYS) throw noVerificationKey(`the JWKS has ${count} ${kty} keys, more than ${MAX_KEYS}`);
    }
    return found;
  }

  return {
    issuer,
    audiences: [...audiences],
    arn: providerArn(options.accountId, issuer, options.partition),
    prefix: issuer.replace(/^https?:\/\//, ''),
    keys(fresh = false) {
      const now = options.clock.monotonic();
      if (cached === undefined || fresh || now - cached.at >= options.jwksMaxAgeMs) {
        const mine = { keys: fetchKeys(), at: now };
        cached = mine;
        // A failure is not kept: the next token tries again.
        mine.keys.catch(() => {
          if (cached === mine) cached = undefined;
        });
      }
      return cached.keys;
    },
  };
}

async function fetchJson(url: string, fetchIssuer: FetchIssuer): Promise<Record<string, unknown>> {
  const place = new URL(url).pathname;
  let text: string;
  try {
    const response = await fetchIssuer(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'error' });
    if (response.status >= 500 || response.status === 429) {
      throw new StsError('IDPCommunicationError', `The identity provider answered HTTP ${response.status} at ${place}`);
    }
    if (response.status !== 200) throw noVerificationKey(`HTTP ${response.status} at ${place}`);
    text = await limited(response, place);
  } catch (error) {
    if (error instanceof StsError) throw error;
    // Someone answered and broke off: STS calls that a failure of the provider, which another try may not meet.
    const { cause } = error as { cause?: { code?: string } };
    if (cause?.code === 'ECONNRESET' || cause?.code === 'UND_ERR_SOCKET')
      throw new StsError('IDPCommunicationError', `The identity provider closed the connection at ${place}`);
    throw noVerificationKey(`${place} can't be reached`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw noVerificationKey(`no JSON object at ${place}`);
}

async function limited(response: Response, place: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_DOCUMENT_BYTES) throw noVerificationKey(`${place} is over ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
