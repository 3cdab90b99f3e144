/**
 * What the endpoint's listener lets through: the strictest of the three.
 *
 * @module
 */
import type { EndpointConfig } from '../../config/config.ts';
import { createHostGuard } from '../guards/host.ts';
import type { RequestPolicy } from '../guards/judge.ts';

export function endpointPolicy(config: Pick<EndpointConfig, 'listen' | 'tls' | 'extraHosts'>): RequestPolicy {
  const listened = [...config.listen, ...(config.tls?.listen ?? [])].map(address => address.host);
  return {
    hostAllowed: createHostGuard([...config.extraHosts, ...listened]),
    hostMend: 'use 127.0.0.1, or name the host under endpoint.extra_hosts in the configuration',
    refuseForwarded: true,
    refuseBrowser: 'always',
    methods: ['GET'],
    maxBody: 0,
  };
}
