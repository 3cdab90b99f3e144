/**
 * Endpoint, broker and admin: where they listen, and that none is open to more than it should.
 *
 * @module
 */

import type { ListenAddress } from '../../lib/addresses.ts';
import { formatListen, isLocal, isLoopback } from '../../lib/addresses.ts';
import type { Building } from '../building.ts';
import type { Path } from '../issues.ts';
import type { Draft, DraftTls } from '../schema.ts';
import { tokenFromFile } from '../secrets/tokens.ts';
import type { AdminConfig, BrokerConfig, EndpointConfig, TlsConfig } from '../types.ts';
import { tlsFiles } from './pem.ts';

/** Connections that one listener serves at once, unless its section says otherwise. */
const MAX_CONNECTIONS = 1_024;

interface Addresses {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsConfig;
  readonly allowRemote: boolean;
}

interface DraftListener {
  listen?: ListenAddress[] | undefined;
  tls?: DraftTls | undefined;
  allow_remote?: boolean | undefined;
}

/** Default `127.0.0.1:9110`; `listen: []` switches it off. */
export function endpointFrom(building: Building, draft: Draft['endpoint']): EndpointConfig {
  const addresses = addressesOf(building, 'endpoint', draft ?? {}, '127.0.0.1:9110', isLocal);
  return {
    ...addresses,
    extraHosts: draft?.extra_hosts ?? [],
    allowFrom: draft?.allow_from ?? [],
    tokenOverlapMs: draft?.token_overlap ?? 300_000,
    maxConnections: draft?.max_connections ?? MAX_CONNECTIONS,
  };
}

/** Off unless its section is there. */
export function brokerFrom(building: Building, draft: Draft['broker']): BrokerConfig | undefined {
  if (draft === undefined) return undefined;
  const addresses = addressesOf(building, 'broker', draft, '127.0.0.1:8091', isLoopback);
  return {
    ...addresses,
    mintAwsCreds: draft.mint_aws_creds ?? true,
    extraHosts: draft.extra_hosts ?? [],
    maxConnections: draft.max_connections ?? MAX_CONNECTIONS,
  };
}

/** Default `127.0.0.1:9112`; `listen: []` switches it off. */
export function adminFrom(building: Building, draft: Draft['admin']): AdminConfig {
  const addresses = addressesOf(building, 'admin', draft ?? {}, '127.0.0.1:9112', isLoopback);
  const token =
    draft?.token_file === undefined
      ? undefined
      : tokenFromFile(building, ['admin', 'token_file'], draft.token_file, { what: 'the token file' });
  const open = building.dev && addresses.listen.every(({ host }) => isLoopback(host)) && addresses.tls === undefined;
  const maxConnections = draft?.max_connections ?? MAX_CONNECTIONS;
  return { ...addresses, ...(token && { token }), open, maxConnections };
}

/** One address can't be two listeners'. Port 0 is another one each time. */
export function checkDistinct(building: Building, listeners: Readonly<Record<string, Addresses | undefined>>): void {
  const seen = new Map<string, string>();
  for (const [name, addresses] of Object.entries(listeners)) {
    for (const [key, list] of [
      [`${name}.listen`, addresses?.listen ?? []],
      [`${name}.tls.listen`, addresses?.tls?.listen ?? []],
    ] as const) {
      for (const address of list) {
        const text = formatListen(address);
        const first = address.port === 0 ? undefined : seen.get(text);
        if (first !== undefined)
          building.problems.add(key.split('.'), `${text} is taken by ${first}; choose another port`);
        else seen.set(text, key);
      }
    }
  }
}

function addressesOf(
  building: Building,
  name: 'endpoint' | 'broker' | 'admin',
  draft: DraftListener,
  standard: string,
  plainAllowed: (host: string) => boolean,
): Addresses {
  const { problems } = building;
  const colon = standard.lastIndexOf(':');
  const byDefault = { host: standard.slice(0, colon), port: Number(standard.slice(colon + 1)) };
  const listen = draft.listen ?? [byDefault];
  const allowRemote = draft.allow_remote ?? false;
  const tlsPath = [name, 'tls'];
  const tls = draft.tls === undefined ? undefined : tlsOf(building, tlsPath, draft.tls);
  // Beside broker and admin, `tls` without addresses of its own turns `listen` itself into https.
  if (tls !== undefined && draft.tls?.listen === undefined && name !== 'endpoint') {
    return { listen: [], tls: { ...tls, listen }, allowRemote };
  }
  if (tls !== undefined) problems.missing([...tlsPath, 'listen'], 'missing; say where https listens: ["0.0.0.0:9443"]');
  for (const [i, address] of listen.entries()) {
    if (allowRemote || plainAllowed(address.host)) continue;
    const path: Path = problems.written([name, 'listen', i]);
    problems.add(path, `${formatListen(address)} is reachable from elsewhere over plain http; ${mendFor(name)}`);
  }
  return { listen, ...(tls && { tls }), allowRemote };
}

function mendFor(name: string): string {
  return name === 'endpoint'
    ? 'use a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23], or tls, or say allow_remote: true'
    : 'use a loopback address, or tls, or say allow_remote: true';
}

function tlsOf(building: Building, path: Path, draft: DraftTls): TlsConfig {
  building.problems.missing([...path, 'cert_file'], 'missing; the certificate in PEM');
  building.problems.missing([...path, 'key_file'], 'missing; the private key in PEM');
  const listen = draft.listen ?? [];
  if (draft.cert_file === undefined || draft.key_file === undefined) return { listen, certFile: '', keyFile: '' };
  return { listen, ...tlsFiles(building, path, { cert: draft.cert_file, key: draft.key_file }) };
}
