/**
 * Whether a raw request may go on: Host, forwarded, browser, method, body, target, in this order.
 *
 * No framework has seen the request yet: @hono/node-server answers an empty 400 to `Host: ::1`, serves HEAD with GET's
 * handler, takes the host of an absolute-form target and takes a GET with a body. Token and workload come later.
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
import type { HostGuard } from './host-guard.ts';

/** What a listener lets through. */
export interface RequestPolicy {
  readonly hostAllowed: HostGuard;
  /** How to fix a refused Host; stands behind `this Host is not served here; `. */
  readonly hostFix: string;
  /** Refuse what a proxy has forwarded. Only the endpoint does: a broker stands behind a TLS proxy. */
  readonly refuseForwarded: boolean;
  /** Refuse what a web page sends: always, never, or all but a GET (a person opens the status page by a navigation). */
  readonly refuseBrowser: 'always' | 'non-get' | 'never';
  /** Every method that any route has, upper case; anything else is 405 with these in `Allow`. */
  readonly methods: readonly string[];
  /** Bytes of a body that are read and thrown away; 0: no body at all. */
  readonly maxBody: number;
}

/** Every value of each field, by its name in lower case: node's `headersDistinct`. */
export type RequestHeaders = NodeJS.Dict<string[]>;

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** The request target, untouched. */
  readonly target: string;
  readonly headers: RequestHeaders;
}

/** @returns the error to refuse the request with, or undefined */
export function validateRequest(policy: RequestPolicy, request: RawRequest): WalletcredsError | undefined {
  const { method, target, headers } = request;
  const { host: hosts = [], authorization, expect, 'content-length': lengths } = headers;
  const [host] = hosts;
  if (hosts.length > 1) return new BadRequest('two Host headers; send one');
  if (host === undefined) return new BadRequest('no Host header; HTTP/1.1 wants one');
  if (!policy.hostAllowed(host)) return hostNotAllowed(policy);
  const isPath = target.startsWith('/');
  if (!isPath && !policy.hostAllowed(authorityOf(target) ?? 'localhost')) return hostNotAllowed(policy);
  if (policy.refuseForwarded && isForwarded(headers)) {
    return new ForwardedRequestRefused(
      'the request was forwarded by a proxy (X-Forwarded-*, X-Original-*, X-Real-IP, Forwarded, Via and the like); ask this listener directly',
    );
  }
  const browser = policy.refuseBrowser === 'always' || (policy.refuseBrowser === 'non-get' && method !== 'GET');
  if (browser && isFromBrowser(headers)) {
    return new BrowserRequestRefused(
      'the request comes from a web page (Origin, Referer or Sec-Fetch-*); ask from a program of your own, by an SDK',
    );
  }
  if (!policy.methods.includes(method)) {
    return new MethodNotAllowed(`this method is not served here; use ${policy.methods.join(' or ')}`);
  }
  if (policy.maxBody === 0 && hasBody(headers)) return new BodyNotAllowed('a request here has no body; send none');
  if (lengths !== undefined && Number(lengths[0]) > policy.maxBody) {
    return new BodyNotAllowed(`the body is over the limit of ${policy.maxBody} bytes`);
  }
  if (expect !== undefined && expect[0]?.toLowerCase() !== '100-continue') {
    return new BadRequest('an Expect header that is not served here; send none');
  }
  if (authorization !== undefined && authorization.length > 1) {
    return new BadRequest('two Authorization headers; send one');
  }
  if (!isPath) return new BadRequest('the request target must be a path that begins with "/"');
  return undefined;
}

/** Whether there is a `Transfer-Encoding`, or a `Content-Length` other than 0. */
export function hasBody({ 'content-length': lengths, 'transfer-encoding': encodings }: RequestHeaders): boolean {
  return encodings !== undefined || (lengths !== undefined && Number(lengths[0]) !== 0);
}

/** The path of a raw target, byte for byte: up to the query, or to a stray fragment. Nothing is decoded or resolved. */
export function pathOf(target: string): string {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return target.slice(0, i);
  }
  return target;
}

const FORWARDED = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip']);

/** Envoy's own fetcher of AWS credentials sends `X-Forwarded-Proto` with no proxy in between. */
function isForwarded(headers: RequestHeaders): boolean {
  for (const field in headers) {
    const name = field.includes('_') ? field.replaceAll('_', '-') : field;
    if (FORWARDED.has(name)) return true;
    if (name.startsWith('x-original-')) return true;
    if (name.startsWith('x-forwarded') && field !== 'x-forwarded-proto') return true;
  }
  return false;
}

/** `Sec-Fetch-Mode` alone is node's own `fetch`: a browser sends Site, Mode and Dest together. */
function isFromBrowser(headers: RequestHeaders): boolean {
  const { origin, referer, 'sec-fetch-site': site, 'sec-fetch-dest': dest, 'sec-fetch-user': user } = headers;
  return [origin, referer, site, dest, user].some(values => values !== undefined);
}

/** The host of an absolute-form target (`http://evil.example/x`), which counts above `Host`. No host is longer. */
function authorityOf(target: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(target.slice(0, 1_024))?.[1];
}

function hostNotAllowed({ hostFix }: RequestPolicy): HostNotAllowed {
  return new HostNotAllowed(`this Host is not served here; ${hostFix}`);
}
