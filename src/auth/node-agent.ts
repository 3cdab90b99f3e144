/**
 * Checks that a service-account token is bound to a pod, and for a node agent to a pod of its node. So the agent of another
 * node refuses a stolen token.
 *
 * A broker has `allow_any_node`: it can't know which node asks, since every client could claim any.
 *
 * @module
 */
import type { JWTPayload } from 'jose';
import type { JwtCallerConfig } from '../config/types.ts';
import { InvalidAuthorizationToken } from '../lib/errors.ts';

/** @throws InvalidAuthorizationToken; does nothing for issuers without `node_name` or `allow_any_node` */
export function checkNode(payload: JWTPayload, config: Pick<JwtCallerConfig, 'nodeName' | 'allowAnyNode'>): void {
  if (config.nodeName === undefined && config.allowAnyNode !== true) return;
  const kubernetes = record(payload['kubernetes.io']);
  const uid = record(kubernetes['pod'])['uid'];
  if (typeof uid !== 'string' || uid === '') throw refused('bound to no pod');
  if (config.allowAnyNode === true) return;
  if (record(kubernetes['node'])['name'] !== config.nodeName) throw refused('of a pod on another node');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function refused(why: string): InvalidAuthorizationToken {
  return new InvalidAuthorizationToken('the authorization token is missing or not one that is known', {
    cause: new Error(`a service-account token ${why}`),
  });
}
