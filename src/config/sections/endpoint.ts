/**
 * The section `endpoint`: what the workloads' SDKs ask.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { isLocal } from '../../lib/addresses.ts';
import { key, section, some } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import type { EndpointConfig } from '../types.ts';
import { addressesOf, allowRemoteKey, extraHostsKey, maxConnectionsKey, tlsKey } from './listener.ts';

const DAY = 24 * 3_600_000;

export const endpoint = section({
  listen: key(some(s.address), {
    doc: 'Addresses for plain http. Loopback, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23]; any other needs `allow_remote`. `[]` switches it off.',
    default: ['127.0.0.1:9110'],
  }),
  tls: tlsKey,
  allow_remote: allowRemoteKey,
  extra_hosts: extraHostsKey,
  allow_from: key(some(s.cidr), {
    doc: 'Source addresses that may connect at all. An address is never an identity.',
    default: [],
    otherwise: 'any that reaches the listener',
    example: '[10.42.0.0/16]',
  }),
  token_overlap: key(s.duration(0, DAY), { doc: 'How long a replaced token stays valid.', default: '5m' }),
  max_connections: maxConnectionsKey,
});

export function resolveEndpoint(at: LoadContext, draft: z.output<typeof endpoint>): EndpointConfig {
  return {
    ...addressesOf(at, draft, {
      isLocal,
      fix: 'use a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23], or tls, or say allow_remote: true',
      tlsBesidePlain: true,
    }),
    extraHosts: draft.extra_hosts,
    allowFrom: draft.allow_from,
    tokenOverlapMs: draft.token_overlap,
    maxConnections: draft.max_connections,
  };
}
