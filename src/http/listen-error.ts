/**
 * The error of an address that can't be listened on: one line, with the fix.
 *
 * @module
 */
import type { ListenAddress } from '../lib/addresses.ts';
import { WalletcredsError } from '../lib/errors.ts';

/** An address could not be opened; the message is one line that names it and the fix. */
export class ListenFailed extends WalletcredsError {
  readonly kind = 'ListenFailed';
}

/** `127.0.0.1:9110`, `[::1]:9110`. */
export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @param key where the address stands in the configuration, as `endpoint.listen` */
export function listenFailed(key: string, address: ListenAddress, cause: unknown): ListenFailed {
  const code = (cause as { code?: unknown } | null)?.code;
  return new ListenFailed(`${key}: can't listen on ${formatAddress(address)}: ${reason(code, address, key)}`, {
    cause,
  });
}

function reason(code: unknown, { host, port }: ListenAddress, key: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use by another program; stop it (\`ss -ltnp 'sport = :${port}'\` shows it) or change ${key}`;
    case 'EACCES':
      return `no permission for port ${port}; use a port from 1024 up in ${key}, or set the container's sysctl net.ipv4.ip_unprivileged_port_start=${port}, or grant CAP_NET_BIND_SERVICE`;
    case 'EADDRNOTAVAIL':
      // Every machine with IPv6 has this one.
      if (host === '::1') return `this machine has no IPv6; take the address out of ${key}`;
      return `${host} is no address of this machine; add it (\`ip addr add ${host} dev lo\`) or change ${key}`;
    case 'EAFNOSUPPORT':
      return `this machine has no ${host.includes(':') ? 'IPv6' : 'IPv4'}; take the address out of ${key}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is a name that can't be resolved; write an address in ${key}`;
    default:
      return `${typeof code === 'string' ? code : 'unknown error'}; change ${key}`;
  }
}
