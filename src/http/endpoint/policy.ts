/**
 * The requests that the endpoint's listener lets through: the strictest of the three policies.
 *
 * @module
 */
import type { EndpointConfig } from '../../config/types.ts';
import { createHostGuard } from '../host-guard.ts';
import type { RequestPolicy } from '../validate-request.ts';

export function endpointPolicy(config: Pick<EndpointConfig, 'listen' | 'tls' | 'extraHosts'>): RequestPolicy {
  const listened = [...config.listen, ...(config.tls?.listen ?? [])].map(address => address.host);
  return {
    hostAllowed: createHostGuard([...config.extraHosts, ...listened]),
    hostFix: 'use 127.0.0.1, or name the host under endpoint.extra_hosts in the configuration',
    refuseForwarded: true,
    refuseBrowser: 'always',
    methods: ['GET'],
    maxBody: 0,
  };
}
