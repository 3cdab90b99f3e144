/**
 * Whether STS can be reached: a TCP connection and nothing more, so it needs no credentials and costs STS nothing. Behind an
 * egress proxy it is the proxy that must be reached.
 *
 * @module
 */
import { connect } from 'node:net';
import type { Clock } from './clock.ts';
import { type EgressProxy, isProxied } from './egress-proxy.ts';

const EVERY_MS = 30_000;
/** The first probe comes after the start, whose first exchange tells more. */
const FIRST_MS = 1_000;
const TIMEOUT_MS = 3_000;

export interface ReachableProbe {
  /** Why the last probe failed; undefined while the endpoint is reachable, and before the first probe has ended. */
  readonly problem: string | undefined;
  close(): void;
}

/** @param endpoint its host and port are connected to, after a second and every 30 s */
export function probeReachable(endpoint: string, clock: Clock, proxy?: EgressProxy): ReachableProbe {
  const proxied = proxy !== undefined && isProxied(new URL(endpoint), proxy);
  const { hostname, port, protocol, host } = new URL(proxied ? proxy.url : endpoint);
  let problem: string | undefined;
  let cancel: (() => void) | undefined;
  let closed = false;

  const tryToConnect = (): void => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      timeout: TIMEOUT_MS,
    });
    socket.unref();
    const done = (reason: string | undefined): void => {
      problem = reason === undefined ? undefined : `${host} can’t be reached: ${reason}`;
      socket.destroy();
      if (!closed) cancel = clock.schedule(tryToConnect, EVERY_MS);
    };
    socket.once('connect', () => done(undefined));
    socket.once('timeout', () => done(`no connection within ${TIMEOUT_MS} ms`));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.name));
  };
  cancel = clock.schedule(tryToConnect, FIRST_MS);
  return {
    get problem() {
      return problem;
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}
