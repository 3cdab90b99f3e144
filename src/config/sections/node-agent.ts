/**
 * What must be said where pods prove themselves by their service-account tokens, above all where one process answers for
 * all the pods of a node.
 *
 * @module
 */

import { formatListen } from '../../lib/addresses.ts';
import type { Building } from '../building.ts';
import type { Draft, DraftJwtCaller } from '../schema.ts';
import type { EndpointConfig } from '../types.ts';

/** The addresses of EKS Pod Identity: what listens there answers for more than one pod. */
const NODE_AGENT = new Set(['169.254.170.23', 'fd00:ec2::23']);
/** What API servers take when `--api-audiences` was left alone, beside their issuer: kubeadm, kops, k3s. */
const API_SERVER = /^(https:\/\/)?kubernetes(\.(default|svc)\b.*)?$|^(k3s|rke2|api)$/;

export function checkNodeAgent(building: Building, draft: Draft, endpoint: EndpointConfig): void {
  const { problems } = building;
  const entries = draft.callers?.jwt ?? [];
  const address = [...endpoint.listen, ...(endpoint.tls?.listen ?? [])].find(({ host }) => NODE_AGENT.has(host));
  for (const [i, entry] of entries.entries()) {
    const path = ['callers', 'jwt', i];
    if (isApiServers(entry)) {
      problems.add(
        [...path, 'audience'],
        'the API server takes tokens for this audience too; choose one of your own (walletcreds) and project tokens for it',
      );
    }
    const isAnswered = address !== undefined && entry.listeners?.includes('endpoint');
    const isBound = ['node_name', 'allow_any_node'].some(key => problems.isWritten([...path, key]));
    if (isAnswered && (!isBound || (entry.node_name === undefined && entry.allow_any_node === false))) {
      problems.add(
        path,
        `${formatListen(address)} answers for the pods of a node; say which: node_name: \${env:NODE_NAME}, or allow_any_node: true`,
      );
    }
  }
  if (address !== undefined && entries.length > 0 && problems.isWritten(['identity_token', 'signer'])) {
    problems.warn(
      ['identity_token', 'signer'],
      'a signing key on a node signs for every wallet once that node is taken; use broker with bearer: caller',
    );
  }
}

function isApiServers({ issuer, audience, ...entry }: DraftJwtCaller): boolean {
  if (audience === undefined) return false;
  const ofPods =
    entry.node_name !== undefined ||
    entry.allow_any_node === true ||
    Object.keys(entry.subjects ?? {}).some(subject => subject.startsWith('system:serviceaccount:'));
  const bare = (url: string | undefined) => url?.replace(/\/$/, '');
  return ofPods && (bare(audience) === bare(issuer) || API_SERVER.test(audience));
}
