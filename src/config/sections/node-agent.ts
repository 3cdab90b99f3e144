/**
 * Rules for pods that authenticate by service-account tokens, above all where one process answers for all pods of a node.
 *
 * @module
 */

import { formatListen, POD_IDENTITY_ADDRESSES } from '../../lib/addresses.ts';
import type { LoadContext } from '../load-context.ts';
import type { EndpointConfig } from '../types.ts';
import type { CallersDraft } from './callers.ts';

type JwtCallerDraft = NonNullable<CallersDraft['jwt']>[number];

/** What API servers accept when `--api-audiences` is left alone, beside their issuer: kubeadm, kops, k3s. */
const API_SERVER = /^(https:\/\/)?kubernetes(\.(default|svc)\b.*)?$|^(k3s|rke2|api)$/;

/** @param at the root of the configuration */
export function checkNodeAgent(at: LoadContext, { jwt: entries = [] }: CallersDraft, endpoint: EndpointConfig): void {
  const address = [...endpoint.listen, ...(endpoint.tls?.listen ?? [])].find(({ host }) =>
    POD_IDENTITY_ADDRESSES.includes(host),
  );
  for (const [i, entry] of entries.entries()) {
    const place = at.at('callers', 'jwt', i);
    if (isApiServers(entry)) {
      const fix = 'choose one of your own (walletcreds) and project tokens for it';
      place.at('audience').error(`the API server takes tokens for this audience too; ${fix}`);
    }
    const isAnswered = address !== undefined && entry.listeners?.includes('endpoint');
    const isBound = ['node_name', 'allow_any_node'].some(name => place.at(name).isWritten);
    if (isAnswered && (!isBound || (entry.node_name === undefined && entry.allow_any_node === false))) {
      place.error(
        `${formatListen(address)} answers for the pods of a node; say which: node_name: \${env:NODE_NAME}, or allow_any_node: true`,
      );
    }
  }
  const signer = at.at('identity_token', 'signer');
  if (address !== undefined && entries.length > 0 && signer.isWritten) {
    signer.warn(
      'a signing key on a node signs for every wallet once that node is compromised; use broker with bearer: caller',
    );
  }
}

function isApiServers({ issuer, audience, ...entry }: JwtCallerDraft): boolean {
  if (audience === undefined) return false;
  const ofPods =
    entry.node_name !== undefined ||
    entry.allow_any_node === true ||
    Object.keys(entry.subjects ?? {}).some(subject => subject.startsWith('system:serviceaccount:'));
  const bare = (url: string | undefined) => url?.replace(/\/$/, '');
  return ofPods && (bare(audience) === bare(issuer) || API_SERVER.test(audience));
}
