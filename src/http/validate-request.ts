/**
 * The verdict on a raw request, before any router sees it: Host, forwarded, browser, method, body, target, in this order.
 *
 * This stands in front of @hono/node-server because that one answers an empty 400 to `Host: ::1`, serves HEAD with GET's
 * handler, resolves `.` and `%2f` in the path, takes the host of an absolute-form target and takes a GET with a body.
 * Token and workload are judged after it, by the app.
 *
 * @module
 */
import {
  BadRequest,
  BodyNotAllowed,
  BrowserRequestRefused,
  ForwardedRequestRefused,
  HostNotAllowed,
  MethodNotAllowed,
  type WalletcredsError,
} from '../lib/errors.ts';
import type { HeaderFacts } from './headers.ts';
import type { HostGuard } from './host-guard.ts';

/** What a listener lets through. */
export interface RequestPolicy {
  readonly hostAllowed: HostGuard;
  /** What whoever asked by another name does instead, after `this Host is not served here; `. */
  readonly hostMend: string;
  /** Refuse what a proxy has forwarded. The endpoint's alone: a broker stands behind a TLS proxy. */
  readonly refuseForwarded: boolean;
  /** Refuse what a web page sends: always, never, or all but a GET (a person opens the status page by a navigation). */
  readonly refuseBrowser: 'always' | 'non-get' | 'never';
  /** Every method that any route has, upper case; anything else is 405 with these in `Allow`. */
  readonly methods: readonly string[];
  /** Bytes of a body that are read and thrown away; 0: no body at all. */
  readonly maxBody: number;
}

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** The request target, untouched. */
  readonly target: string;
  readonly headers: HeaderFacts;
}

/** @returns what to refuse the request with, or undefined */
export function judge(policy: RequestPolicy, request: RawRequest): WalletcredsError | undefined {
  const { method, target, headers } = request;
  if (headers.duplicate === 'Host') return new BadRequest('two Host headers; send one');
  if (headers.host === undefined) return new BadRequest('no Host header; HTTP/1.1 wants one');
  if (!policy.hostAllowed(headers.host)) return hostNotAllowed(policy);
  const path = target.charCodeAt(0) === 0x2f;
  if (!path && !policy.hostAllowed(authorityOf(target) ?? 'localhost')) return hostNotAllowed(policy);
  if (headers.forwarded && policy.refuseForwarded) {
    return new ForwardedRequestRefused(
      'the request was forwarded by a proxy (X-Forwarded-*, X-Real-IP, Forwarded or Via); ask this listener directly',
    );
  }
  if (headers.browser && policy.refuseBrowser !== 'never' && (policy.refuseBrowser === 'always' || method !== 'GET')) {
    return new BrowserRequestRefused(
      'the request comes from a web page (Origin, Referer or Sec-Fetch-*); fetch sends such headers, so use an SDK or node:http',
    );
  }
  if (!policy.methods.includes(method)) {
    return new MethodNotAllowed(`this method is not served here; use ${policy.methods.join(' or ')}`);
  }
  if (headers.body && policy.maxBody === 0) return new BodyNotAllowed('a request here has no body; send none');
  if (headers.contentLength !== undefined && headers.contentLength > policy.maxBody) {
    return new BodyNotAllowed(`the body is over the limit of ${policy.maxBody} bytes`);
  }
  if (headers.expect !== undefined && headers.expect !== '100-continue') {
    return new BadRequest('an Expect header that is not served here; send none');
  }
  if (headers.duplicate !== undefined) return new BadRequest(`two ${headers.duplicate} headers; send one`);
  if (!path) return new BadRequest('the request target must be a path that begins with "/"');
  return undefined;
}

/** The path of a raw target, byte for byte: up to the query, or to a stray fragment. Nothing is decoded or resolved. */
export function pathOf(target: string): string {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return target.slice(0, i);
  }
  return target;
}

/** The host of an absolute-form target (`http://evil.example/x`), which would count above `Host`. */
function authorityOf(target: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(target)?.[1];
}

function hostNotAllowed({ hostMend }: RequestPolicy): HostNotAllowed {
  return new HostNotAllowed(`this Host is not served here; ${hostMend}`);
}
