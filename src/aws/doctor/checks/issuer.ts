/**
 * Discovery and JWKS as STS will see them: from outside, over the network, without following a redirect.
 *
 * @module
 */
import { beyondAws, issuerProblem } from '../../../config/urls.ts';
import { DISCOVERY_PATH } from '../../../identity-token/keys/discovery.ts';
import type { KeySet } from '../../../identity-token/keys/index.ts';
import { OutboundError, type OutboundRequest, type OutboundResponse } from '../../../lib/http-client.ts';
import type { Dialect } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';

export type Send = (request: OutboundRequest) => Promise<OutboundResponse>;

/** Who looks at the issuer: Ceph reads the first key's certificate, and AWS comes over the internet. */
export interface Beholder {
  readonly dialect: Dialect;
  /** STS is AWS's own, not an emulator. */
  readonly aws: boolean;
}

/**
 * @param keys of the signer, to be found in the JWKS; undefined where another program signs
 */
export async function checkIssuer(
  issuer: string,
  { dialect, aws }: Beholder,
  keys: KeySet | undefined,
  now: number,
  send: Send,
): Promise<Finding[]> {
  const form = issuerProblem(issuer, aws) ?? (aws ? beyondAws(issuer) : undefined);
  const out = form === undefined ? [] : [finding('issuer-form', `${issuer}: ${form}`, 'identity_token issuer')];
  if (!URL.canParse(issuer)) return out;
  const url = `${issuer.replace(/\/$/, '')}${DISCOVERY_PATH}`;
  const discovery = await fetchJson(url, send);
  if (!('json' in discovery)) return [...out, discovery];
  const told = discovery.json['issuer'];
  if (told !== issuer) {
    out.push(
      finding(
        'issuer-mismatch',
        `discovery says issuer ${JSON.stringify(told ?? null)}, the tokens say ${JSON.stringify(issuer)}`,
        url,
      ),
    );
  }
  const jwksUri = discovery.json['jwks_uri'];
  if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri)) {
    return [...out, finding('issuer-not-json', 'discovery names no jwks_uri', url)];
  }
  const beyond = aws ? beyondAws(jwksUri) : undefined;
  if (beyond !== undefined) out.push(finding('issuer-form', `jwks_uri ${jwksUri}: ${beyond}`, url));
  const jwks = await fetchJson(jwksUri, send);
  if (!('json' in jwks)) return [...out, jwks];
  return [...out, ...checkJwks(jwks.json, jwksUri, dialect, keys, now)];
}

/** Of each kind, says IAM's guide. */
const MAX_KEYS = 100;

function checkJwks(
  json: Record<string, unknown>,
  url: string,
  dialect: Dialect,
  keys: KeySet | undefined,
  now: number,
): Finding[] {
  const listed = json['keys'];
  if (!Array.isArray(listed) || listed.length === 0) return [finding('jwks-key-missing', 'it lists no key', url)];
  const published = listed.filter((k): k is Record<string, unknown> => typeof k === 'object' && k !== null);
  const out: Finding[] = [];
  if (published.some(k => 'd' in k || 'p' in k || k['kty'] === 'oct')) {
    out.push(finding('jwks-private', 'a key has its private part in it', url));
  }
  for (const kty of ['RSA', 'EC']) {
    const count = published.filter(k => k['kty'] === kty).length;
    if (count > MAX_KEYS) out.push(finding('jwks-too-many', `${count} ${kty} keys; STS takes ${MAX_KEYS}`, url));
  }
  const first = published[0];
  if (keys !== undefined) {
    const own = keys.activeKey(now);
    const match = published.find(k => k['kid'] === own.kid);
    if (match === undefined) {
      out.push(finding('jwks-key-missing', `the signing key ${own.kid} is not in it`, url));
    } else if (match['x'] !== own.publicJwk.x || match['n'] !== own.publicJwk.n) {
      out.push(finding('jwks-key-missing', `another key stands under the kid ${own.kid}`, url));
    } else if (unusable(match, own.alg) !== undefined) {
      out.push(finding('jwks-key-unusable', `the signing key ${own.kid} has ${unusable(match, own.alg)}`, url));
    } else if (dialect === 'ceph' && match !== first) {
      out.push(finding('jwks-for-ceph', `the signing key ${own.kid} is not the first`, url));
    }
  }
  if (dialect === 'ceph' && !Array.isArray(first?.['x5c']))
    out.push(finding('jwks-for-ceph', 'the first key has no x5c', url));
  return out;
}

/** @returns the member that keeps a verifier from using a published key for signatures by `alg` */
function unusable(key: Record<string, unknown>, alg: string): string | undefined {
  if (key['use'] !== undefined && key['use'] !== 'sig') return `use ${JSON.stringify(key['use'])}`;
  if (key['alg'] !== undefined && key['alg'] !== alg) return `alg ${JSON.stringify(key['alg'])}, and signs by ${alg}`;
  const ops = key['key_ops'];
  return Array.isArray(ops) && !ops.includes('verify') ? `key_ops ${JSON.stringify(ops)}` : undefined;
}

async function fetchJson(url: string, send: Send): Promise<{ json: Record<string, unknown> } | Finding> {
  let answer: OutboundResponse;
  try {
    answer = await send({ url, timeoutMs: 5_000, maxBytes: 256 * 1024 });
  } catch (error) {
    if (error instanceof OutboundError && error.code === 'Redirected')
      return finding('issuer-redirect', error.message, url);
    return finding('issuer-unreachable', error instanceof Error ? error.message : String(error), url);
  }
  if (answer.status !== 200) return finding('issuer-unreachable', `it answers ${answer.status}`, url);
  try {
    const json: unknown = JSON.parse(answer.body);
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return { json: json as Record<string, unknown> };
  } catch {
    // Said below.
  }
  const what = /^\s*</.test(answer.body) ? 'it answers HTML or XML' : 'it answers no JSON object';
  return finding('issuer-not-json', what, url);
}
