/**
 * The requests that the admin listener lets through. A browser opens the status page by a GET with `Sec-Fetch-*`, and a
 * probe may come through a proxy.
 *
 * @module
 */
import type { AdminConfig } from '../../config/types.ts';
import { createHostGuard } from '../host-guard.ts';
import type { RequestPolicy } from '../validate-request.ts';

export function adminPolicy(config: Pick<AdminConfig, 'listen' | 'tls'>): RequestPolicy {
  const listened = [...config.listen, ...(config.tls?.listen ?? [])].map(address => address.host);
  return {
    // A kubelet probes by the pod's address; a rebound name would show as a name.
    hostAllowed: createHostGuard(listened, { ownAddresses: true }),
    hostFix: 'use an address under admin.listen in the configuration, such as 127.0.0.1',
    refuseForwarded: false,
    refuseBrowser: 'non-get',
    methods: ['GET'],
    maxBody: 0,
  };
}
