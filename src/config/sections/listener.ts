/**
 * The addresses of a listener, and the checks that they aren't open too widely: the same for endpoint, broker and
 * admin.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { formatListen, type ListenAddress } from '../../lib/addresses.ts';
import { key, section, some } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import { tlsFiles } from '../secrets/pem.ts';
import type { TlsConfig } from '../types.ts';

export interface Addresses {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsConfig;
  readonly allowRemote: boolean;
}

const tls = section({
  listen: key(some(s.address), {
    doc: 'Addresses of the https listener. Under `broker` and `admin` it may be left out: then `listen` itself is https.',
    example: '["0.0.0.0:9443"]',
  }),
  cert_file: key(s.path, {
    doc: 'The certificate, with its chain.',
    required: 'the certificate in PEM',
    example: 'tls.crt',
  }),
  key_file: key(s.path, {
    doc: 'Its private key, without a passphrase.',
    required: 'the private key in PEM',
    example: 'tls.key',
  }),
});

type TlsDraft = z.output<typeof tls>;

export const tlsKey = key(tls, { doc: 'https. A changed certificate is read again without a restart.' });

export const allowRemoteKey = key(s.flag, {
  doc: 'Permits plain http at addresses that other machines reach.',
  default: 'false',
});

export const extraHostsKey = key(some(s.host), {
  doc: 'Further values of `Host` that are accepted: the names on the certificate.',
  default: [],
  example: '[creds.internal]',
});

export const maxConnectionsKey = key(s.integer(1, 65_535), {
  doc: 'Connections that the listener serves at once. At capacity the one that has been idle longest is closed.',
  default: '1024',
});

interface ListenerDraft {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsDraft | undefined;
  readonly allow_remote: boolean;
}

export interface ListenerRules {
  /** Where plain http is fine without `allow_remote`. */
  readonly isLocal: (host: string) => boolean;
  /** How to fix another address. */
  readonly fix: string;
  /** `tls` needs addresses of its own; else `tls` without any turns `listen` itself into https. */
  readonly tlsBesidePlain: boolean;
}

export function addressesOf(at: LoadContext, draft: ListenerDraft, rules: ListenerRules): Addresses {
  const { listen, allow_remote: allowRemote } = draft;
  const tls = draft.tls && tlsOf(at.at('tls'), draft.tls);
  if (tls !== undefined && draft.tls?.listen === undefined) {
    if (!rules.tlsBesidePlain) return { listen: [], tls: { ...tls, listen }, allowRemote };
    at.at('tls', 'listen').missing('missing; say where https listens: ["0.0.0.0:9443"]');
  }
  for (const [i, address] of listen.entries()) {
    if (allowRemote || rules.isLocal(address.host)) continue;
    at.at('listen', i).nearestWritten.error(
      `${formatListen(address)} is reachable from elsewhere over plain http; ${rules.fix}`,
    );
  }
  return { listen, ...(tls && { tls }), allowRemote };
}

function tlsOf(at: LoadContext, draft: TlsDraft): TlsConfig {
  const { listen = [], cert_file: cert, key_file: privateKey } = draft;
  if (cert === undefined || privateKey === undefined) return { listen, certFile: '', keyFile: '' };
  return { listen, ...tlsFiles(at, { cert, key: privateKey }) };
}

/** One address can't belong to two listeners. Port 0 is another one each time. */
export function checkDistinct(at: LoadContext, listeners: Readonly<Record<string, Addresses | undefined>>): void {
  const seen = new Map<string, string>();
  for (const [name, addresses] of Object.entries(listeners)) {
    for (const [place, list] of [
      [at.at(name, 'listen'), addresses?.listen ?? []],
      [at.at(name, 'tls', 'listen'), addresses?.tls?.listen ?? []],
    ] as const) {
      for (const address of list) {
        const text = formatListen(address);
        const first = address.port === 0 ? undefined : seen.get(text);
        if (first !== undefined) place.error(`${text} is taken by ${first}; choose another port`);
        else seen.set(text, place.name);
      }
    }
  }
}
