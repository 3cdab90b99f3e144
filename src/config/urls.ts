/**
 * URLs that this process calls, and issuers, which others call.
 *
 * @module
 */
import { isLoopback, isPrivate } from '../lib/addresses.ts';
import { InvalidValue } from '../lib/invalid-value.ts';
import type { LoadContext } from './load-context.ts';

/**
 * An http or https URL that can be called unchanged. It is kept as written, since an issuer is compared byte for byte.
 *
 * @throws InvalidValue
 */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || !/^https?:\/\/[^/]/i.test(text) || /\s/.test(text)) {
    throw new InvalidValue('not a URL; it reads https://host/path');
  }
  if (url.username !== '' || url.password !== '')
    throw new InvalidValue('credentials in a URL are refused; use a file');
  if (text.includes('#')) throw new InvalidValue('a "#…" part, which is never sent; leave it out');
  return text;
}

/** A call that would leave this machine unencrypted needs the caller's permission. */
export function checkInsecure(at: LoadContext, url: string, allowed: boolean | undefined): void {
  if (allowed !== true && needsPermission(url)) {
    at.error('plain http to another machine; use https, or say allow_insecure_http: true beside it');
  }
}

/** Whether a call would go out unencrypted to more than this machine. A name, `localhost` too, is no loopback literal. */
export function needsPermission(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

/**
 * Discovery is the issuer and `/.well-known/openid-configuration`, and STS compares the issuer byte for byte, a `/` at its
 * end included.
 *
 * @returns what is wrong with an issuer of our own, or undefined
 */
export function issuerProblem(issuer: string, aws: boolean): string | undefined {
  if (!URL.canParse(issuer)) return 'not a URL; it reads https://host/path';
  const { protocol, hostname } = new URL(issuer);
  const [, authority = ''] = /^[a-z]+:\/\/([^/?#]*)/i.exec(issuer) ?? [];
  if (!/^https?:\/\//.test(issuer)) return 'an issuer begins with https:// (or http://, for an STS of your own)';
  if (/[?#]/.test(issuer)) return 'an issuer has no query and no fragment';
  if (authority.includes('@')) return 'an issuer has no user name; tokens would show it to everybody';
  if (/[A-Z]/.test(authority)) return `its host is compared byte for byte; write it in lower case, ${hostname}`;
  if (hostname.endsWith('.')) return 'a "." at the end of the host, which certificates never have; leave it out';
  if (!aws) return undefined;
  if (protocol !== 'https:')
    return "AWS's STS takes an https issuer only; plain http is for an STS of your own (sts.endpoint)";
  if (/:\d{0,5}$/.test(authority)) return 'AWS takes no port in an issuer; serve it at 443';
  return undefined;
}

/** @returns why AWS's STS, which fetches discovery and keys over the internet, can't fetch them there */
export function beyondAws(url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:') return `AWS fetches over https only, not ${protocol.slice(0, -1)}`;
  const host = hostname.replace(/^\[|\]$/g, '');
  return isPrivate(host) ? `AWS fetches it over the internet, where ${host} is not` : undefined;
}
