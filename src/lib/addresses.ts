/**
 * Addresses to listen on, blocks of addresses, and which of them are this machine's own.
 *
 * @module
 */
import { BlockList, isIP } from 'node:net';
import { InvalidValue } from './invalid-value.ts';

/** An address to listen on: host without brackets, port 0 to 65,535. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The address of ECS's agent. */
export const ECS_ADDRESS = '169.254.170.2';
/** The addresses of EKS Pod Identity's agent: a listener there answers for every pod of a node. */
export const POD_IDENTITY_ADDRESSES: readonly string[] = ['169.254.170.23', 'fd00:ec2::23'];

/** Whether a client of the container-credentials contract takes plain http there, beside loopback. */
export function isLinkLocal(host: string): boolean {
  return host === ECS_ADDRESS || POD_IDENTITY_ADDRESSES.includes(host);
}

/** A literal of 127.0.0.0/8 or ::1, without brackets. A name doesn't count, since others decide what it resolves to. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

const NOT_PUBLIC = {
  ipv4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
  ],
  ipv6: ['::/127', 'fc00::/7', 'fe80::/10'],
} as const;

/** Whether a host, without brackets, is a private address or `localhost`, which the internet can't reach. */
export function isPrivate(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return /(^|\.)localhost$/i.test(host);
  const blocks = new BlockList();
  for (const kind of ['ipv4', 'ipv6'] as const) {
    for (const block of NOT_PUBLIC[kind]) {
      const [address = '', bits] = block.split('/');
      blocks.addSubnet(address, Number(bits), kind);
    }
  }
  return blocks.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether an AWS client takes plain http there, and nobody outside the machine or its bridge can reach it. */
export function isLocal(host: string): boolean {
  return isLoopback(host) || isLinkLocal(host);
}

/** One spelling for each IPv6 address, brackets removed; undefined if it is no address. */
function canonicalAddress(text: string): string | undefined {
  if (isIP(text) === 4) return text;
  if (isIP(text) !== 6 || text.includes('%')) return undefined;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/**
 * `127.0.0.1:9110`, `[::1]:9110`. Names are refused, since one can stand for several addresses.
 *
 * @throws InvalidValue
 */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(0|[1-9]\d{0,4})$/.exec(text);
  const fix = 'write an address and a port: 127.0.0.1:9110 or "[::1]:9110"';
  if (match === null) {
    if (isIP(text) !== 0) throw new InvalidValue(`no port; ${fix}`);
    if (/^\d{1,5}$/.test(text)) throw new InvalidValue(`no address; ${fix}`);
    throw new InvalidValue(`not an address to listen on; ${fix}`);
  }
  const [, inBrackets, bare, digits] = match;
  const host = canonicalAddress(inBrackets ?? bare ?? '');
  if (bare === 'localhost')
    throw new InvalidValue('a name, not an address; write both 127.0.0.1:PORT and "[::1]:PORT"');
  if (host === undefined || (inBrackets !== undefined) !== (isIP(host) === 6)) {
    throw new InvalidValue(`no IP address in front of the port; ${fix}`);
  }
  const port = Number(digits);
  if (port > 65_535) throw new InvalidValue('the port is over 65535');
  return { host, port };
}

/** The inverse of {@link parseListen}. */
export function formatListen({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * `10.42.0.0/16`, `fd00::/8`, or a bare address for itself alone.
 *
 * @returns the block in one spelling, always with its length
 * @throws InvalidValue, also where bits beyond the length are set, since then one of the two is a typo
 */
export function parseCidr(text: string): string {
  const slash = text.indexOf('/');
  const address = canonicalAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) throw new InvalidValue('not a block of addresses; write it as 10.42.0.0/16 or fd00::/8');
  const bits = isIP(address) === 4 ? 32 : 128;
  const suffix = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(suffix) || Number(suffix) > bits) {
    throw new InvalidValue(`the part after "/" must be 0 to ${bits}`);
  }
  const length = Number(suffix);
  const host = (1n << BigInt(bits - length)) - 1n;
  if ((numberOf(address) & host) !== 0n) {
    throw new InvalidValue(
      `the address has bits set beyond /${length}; write the first address of the block, or a longer "/"`,
    );
  }
  return `${address}/${length}`;
}

function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [left = '', right] = address.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':'));
  const head = words(left);
  const tail = words(right ?? '');
  const middle = right === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...middle, ...tail].reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}
