/**
 * The requests that the broker's listener lets through. It stands behind a TLS proxy, so forwarding headers are fine. A web
 * page has no bearer to send.
 *
 * @module
 */
import type { BrokerConfig } from '../../config/types.ts';
import { createHostGuard } from '../host-guard.ts';
import type { RequestPolicy } from '../validate-request.ts';

/** Bodies are read and thrown away: callers of the old broker send `{}` or nothing. */
const MAX_BODY = 64 * 1024;

/** @param issuer its host is served too: STS and sidecars ask for discovery under that name */
export function brokerPolicy(
  config: Pick<BrokerConfig, 'listen' | 'tls' | 'extraHosts'>,
  issuer: string | undefined,
): RequestPolicy {
  const listened = [...config.listen, ...(config.tls?.listen ?? [])].map(address => address.host);
  const own = issuer === undefined ? [] : [new URL(issuer).hostname];
  return {
    hostAllowed: createHostGuard([...config.extraHosts, ...own, ...listened], { ownAddresses: true }),
    hostFix: 'use the issuer’s, or name it under broker.extra_hosts',
    refuseForwarded: false,
    refuseBrowser: 'never',
    methods: ['GET', 'POST'],
    maxBody: MAX_BODY,
  };
}
