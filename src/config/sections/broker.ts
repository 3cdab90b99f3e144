/**
 * The section `broker`: the listener that mints JWTs for sidecars, scrapers and CI. Off unless the section is there.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { isLoopback } from '../../lib/addresses.ts';
import { key, section, some } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import type { BrokerConfig } from '../types.ts';
import {
  addressesOf,
  allowRemoteKey,
  extraHostsKey,
  type ListenerRules,
  maxConnectionsKey,
  tlsKey,
} from './listener.ts';

export const LOOPBACK_ONLY: ListenerRules = {
  isLocal: isLoopback,
  fix: 'use a loopback address, or tls, or say allow_remote: true',
  tlsBesidePlain: false,
};

export const broker = section({
  listen: key(some(s.address), {
    doc: 'Addresses for plain http, or for https where `tls` has none of its own.',
    default: ['127.0.0.1:8091'],
  }),
  tls: tlsKey,
  allow_remote: allowRemoteKey,
  extra_hosts: extraHostsKey,
  mint_aws_creds: key(s.flag, { doc: 'Serves `POST /v1/mint-aws-creds` beside `mint-oidc-jwt`.', default: 'true' }),
  max_connections: maxConnectionsKey,
});

export function resolveBroker(at: LoadContext, draft: z.output<typeof broker> | undefined): BrokerConfig | undefined {
  if (draft === undefined) return undefined;
  return {
    ...addressesOf(at, draft, LOOPBACK_ONLY),
    mintAwsCreds: draft.mint_aws_creds,
    extraHosts: draft.extra_hosts,
    maxConnections: draft.max_connections,
  };
}
