/**
 * The HTTP proxy for calls that leave the machine: which calls go through it, and the tunnel itself.
 *
 * Only https goes through a proxy. It opens a tunnel (CONNECT), and TLS runs from end to end within, so the proxy sees the
 * host and nothing else. Plain http would show it tokens, so that always goes directly.
 *
 * @module
 */
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopback } from './addresses.ts';
import { InvalidValue } from './invalid-value.ts';

export interface EgressProxy {
  /** `http://proxy.example:3128`, without credentials. */
  readonly url: string;
  /** The value of `Proxy-Authorization`. */
  readonly authorization?: string;
  /** Entries of NO_PROXY, in lower case. */
  readonly noProxy: readonly string[];
}

/** A proxy that did not open the tunnel. The text of its answer is not repeated. */
export class ProxyRefused extends Error {
  override readonly name = 'ProxyRefused';
  readonly code = 'EPROXY';
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * @param text `http://[USER:PASSWORD@]HOST[:PORT]`
 * @param noProxy the value of NO_PROXY
 * @throws InvalidValue
 */
export function parseEgressProxy(text: string, noProxy = ''): EgressProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.hostname === '' || url.pathname !== '/' || /[?#]/.test(text)) {
    throw new InvalidValue('not a proxy; it reads http://host:port (TLS runs from end to end within its tunnel)');
  }
  const { username, password } = url;
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return {
    url: url.origin,
    ...(username !== '' && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
    noProxy: parseNoProxy(noProxy),
  };
}

/** The entries of NO_PROXY, separated by commas or blanks. */
export function parseNoProxy(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(entry => entry !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidValue('the user name or the password of the proxy has a "%" that must be written "%25"');
  }
}

/**
 * Whether a call goes through the proxy. Loopback never does. NO_PROXY holds names (which include their subdomains),
 * addresses, CIDR blocks, each with a port where it counts for that port alone, or `*`.
 */
export function isProxied(url: URL, { noProxy }: EgressProxy): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' || isLoopback(host) || host === 'localhost') return false;
  return !noProxy.some(entry => isExempt(entry, host, url.port || '443'));
}

function isExempt(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inBlock(entry, host);
  // An IPv6 address without brackets has no port.
  const ownPort = isIP(entry) === 6 ? undefined : /:(\d{1,5})$/.exec(entry)?.[1];
  if (ownPort !== undefined && ownPort !== port) return false;
  const name = ownPort === undefined ? entry : entry.slice(0, -ownPort.length - 1);
  const domain = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
  return domain !== '' && (host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`)));
}

function inBlock(entry: string, host: string): boolean {
  const [address = '', bits = ''] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) {
    return false;
  }
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(address, Number(bits), kind);
  return block.check(host, kind);
}

/** An agent of https whose connections are tunnels through the proxy. */
export class TunnelAgent extends https.Agent {
  readonly #proxy: EgressProxy;

  constructor(proxy: EgressProxy, options: https.AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  /** An agent for one call, with the same proxy and authorities. */
  forOneCall(): TunnelAgent {
    return new TunnelAgent(this.#proxy, { ...this.options, keepAlive: false });
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): null {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const host = String(options.host);
    const target = `${isIP(host) === 6 ? `[${host}]` : host}:${options.port}`;
    const { url, authorization } = this.#proxy;
    const connect = http.request(url, {
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: { host: target, ...(authorization && { 'proxy-authorization': authorization }) },
      timeout: CONNECT_TIMEOUT_MS,
    });
    connect.once('connect', ({ statusCode }, socket, head) => {
      // A byte before TLS began can't be the target's.
      if (statusCode === 200 && head.length === 0) {
        socket.setTimeout(0);
        done(null, super.createConnection({ ...options, socket } as https.RequestOptions) as Duplex);
        return;
      }
      socket.destroy();
      const hint = statusCode === 407 ? ': it wants other credentials in egress_proxy or HTTPS_PROXY' : '';
      done(new ProxyRefused(`the proxy ${url} answers ${statusCode} to CONNECT${hint}`));
    });
    connect.once('timeout', () => connect.destroy(new ProxyRefused(`the proxy ${url} does not answer`)));
    connect.once('error', (error: NodeJS.ErrnoException) => {
      const refused = error instanceof ProxyRefused;
      done(refused ? error : new ProxyRefused(`the proxy ${url} can't be used: ${error.code ?? 'unknown error'}`));
    });
    connect.end();
    return null;
  }
}
