/**
 * Opens one address.
 *
 * @module
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from '../lib/addresses.ts';
import { listenFailed } from './listen-error.ts';

/** An address that is listened on; a port 0 of the configuration is the chosen one here. */
export interface BoundAddress extends ListenAddress {
  readonly tls: boolean;
}

/**
 * `::` takes IPv4 along, but where `0.0.0.0` is listed with the same port: then each is what it says, and they don't
 * stand in each other's way.
 */
export function takesIpv6Alone({ host, port }: ListenAddress, all: readonly ListenAddress[]): boolean {
  return host === '::' && all.some(other => other.host === '0.0.0.0' && other.port === port);
}

/**
 * @param place.key where the address stands in the configuration, for the error
 * @param place.all the addresses beside it
 * @throws ListenFailed
 */
export function open(
  server: Server,
  address: ListenAddress,
  place: { readonly key: string; readonly all: readonly ListenAddress[]; readonly tls: boolean },
): Promise<BoundAddress> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(listenFailed(place.key, address, error));
    server.once('error', failed);
    server.listen({ ...address, ipv6Only: takesIpv6Alone(address, place.all) }, () => {
      server.off('error', failed);
      resolve({ host: address.host, port: (server.address() as AddressInfo).port, tls: place.tls });
    });
  });
}
