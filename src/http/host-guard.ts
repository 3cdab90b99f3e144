/**
 * The Host guard against DNS rebinding: a listener serves only names that nobody else can point at it.
 *
 * A `Host` is compared, never parsed as a URL: aws-crt sends `Host: ::1` without brackets, and `new URL` throws on it.
 *
 * @module
 */

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ECS_ADDRESS, POD_IDENTITY_ADDRESSES } from '../lib/addresses.ts';

/** Whether a raw `Host` value is served. Pure, but for a bounded memory of values that passed. */
export type HostGuard = (host: string) => boolean;

const WILDCARDS = new Set(['0.0.0.0', '::']);
/** Enough for every spelling that real clients use; whether it is full changes no result. */
const REMEMBERED = 64;
/** A name of 253 characters, with room for brackets, zone and port. */
const MAX_LENGTH = 320;

/**
 * @param extra further names and addresses that the configuration gives; wildcard addresses among them are ignored
 * @param options.ownAddresses a wildcard in `extra` stands for every address of this machine, so any address literal
 *   passes: a name that was rebound still shows as a name
 * @example
 * ```ts
 * const allowed = createHostGuard(['creds.internal']);
 * allowed('127.0.0.1:9110'); // true
 * allowed('evil.example'); // false
 * ```
 */
export function createHostGuard(extra: readonly string[] = [], options: { ownAddresses?: boolean } = {}): HostGuard {
  const names = new Set(['localhost']);
  const anyAddress = options.ownAddresses === true && extra.some(host => WILDCARDS.has(host));
  const addresses = new BlockList();
  addresses.addSubnet('127.0.0.0', 8, 'ipv4');
  for (const address of ['::1', ECS_ADDRESS, ...POD_IDENTITY_ADDRESSES]) {
    addresses.addAddress(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  for (const host of extra.map(hostName)) {
    if (host === '' || WILDCARDS.has(host)) continue;
    const address = withoutZone(host);
    if (isIPv4(address)) addresses.addAddress(address, 'ipv4');
    else if (isIPv6Literal(address)) addresses.addAddress(address, 'ipv6');
    else names.add(host);
  }
  const passed = new Set<string>();
  return host => {
    if (passed.has(host)) return true;
    if (host.length > MAX_LENGTH) return false;
    const name = hostName(host);
    const ok = isIPv4(name)
      ? anyAddress || addresses.check(name, 'ipv4')
      : isIPv6Literal(name)
        ? anyAddress || addresses.check(withoutZone(name), 'ipv6')
        : names.has(name);
    if (ok && passed.size < REMEMBERED) passed.add(host);
    return ok;
  };
}

/**
 * A `Host` value without port and brackets, in lower case. An unbracketed IPv6 address has no port: `::1:80` is the
 * address `::1:80`, as in every other program. What is neither comes back as something that is on no list.
 */
export function hostName(host: string): string {
  const lower = host.toLowerCase();
  if (lower.startsWith('[')) {
    const bracketed = /^\[([0-9a-f:.]+(?:%[\w.-]+)?)\](?::\d{1,5})?$/.exec(lower)?.[1];
    return bracketed !== undefined && isIPv6(bracketed) ? bracketed : lower;
  }
  const colon = lower.indexOf(':');
  if (colon < 0 || colon !== lower.lastIndexOf(':')) return lower;
  return /^\d{1,5}$/.test(lower.slice(colon + 1)) ? lower.slice(0, colon) : lower;
}

/** Node's own test compiles a pattern that takes as long as the rest of a start's parsing: not for what has no colon. */
function isIPv6Literal(text: string): boolean {
  return text.includes(':') && isIPv6(text);
}

function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}
