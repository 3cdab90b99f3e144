/**
 * A workload: a container, or a set of equal ones, that asks for credentials. It is resolved once, at authentication; below it
 * everything takes a {@link Workload} and nobody sees a header.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { EgressProxy } from '../lib/egress-proxy.ts';
import type { RoleArn } from './role-arn.ts';
import type { Wallet } from './wallet.ts';

/** This process signs the JWT. */
export interface SignerSource {
  readonly kind: 'signer';
  /** Byte for byte what is registered at IAM and stands in `iss`. */
  readonly issuer: string;
  /** Absolute. */
  readonly keysDir: string;
  readonly audience: string;
  readonly ttlSeconds: number;
  /** Which purpose a key must have: `serve` signs with `oidc`, `walletcreds dev` with `dev`. */
  readonly purpose: 'oidc' | 'dev';
}

/** A broker signs the JWT. */
export interface BrokerSource {
  readonly kind: 'broker';
  readonly url: string;
  /** Absolute, `{workload}` already replaced; read again each time. `caller` forwards the token that the caller presented. */
  readonly bearer: { readonly file: string } | 'caller';
  readonly caFile?: string;
  readonly allowInsecureHttp: boolean;
  readonly proxy?: EgressProxy;
  /** `aud` that the JWT must have. */
  readonly audience: string;
}

/** Somebody else writes the JWT into a file. */
export interface FileSource {
  readonly kind: 'file';
  /** Absolute; read again each time. */
  readonly path: string;
  readonly audience: string;
}

/** Where the JWT for STS comes from. Part of a workload's identity: another source is another workload to the cache. */
export type IdentityTokenConfig = SignerSource | BrokerSource | FileSource;

/** Whether the broker is asked with the token that the caller presented. */
export function forwardsCaller(source: IdentityTokenConfig): source is BrokerSource & { readonly bearer: 'caller' } {
  return source.kind === 'broker' && source.bearer === 'caller';
}

/** Who asks, whose data it may touch, and under which role: everything that an exchange depends on. */
export interface Workload {
  /** The name in the configuration, or the composed one of a workload made on the fly. */
  readonly name: string;
  readonly wallet: Wallet;
  readonly role: RoleArn;
  /** Seconds, 900 to 43,200. */
  readonly sessionDuration: number;
  /** The principal tag that policies match; the bare claim has the same name. */
  readonly walletTag: string;
  /** Further principal tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** The inline session policy, `${wallet}` already substituted; JSON. */
  readonly sessionPolicy?: string;
  readonly identityToken: IdentityTokenConfig;
  /** How it came to be: by the configuration, or made for an authenticated caller (JWT, session backend). */
  readonly origin: 'configured' | 'dynamic';
  /** The whole identity as one string: {@link identityOf}. Two workloads with equal ids are interchangeable. */
  readonly id: string;
}

/** The cache key: a digest of every field that the credentials depend on, so that two identities never share an entry. */
export function identityOf(workload: Omit<Workload, 'id'>): string {
  const { name, wallet, role, sessionDuration, walletTag, tags, sessionPolicy, identityToken, origin } = workload;
  const sorted = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  const fields = JSON.stringify([
    origin,
    name,
    wallet,
    role.arn,
    sessionDuration,
    walletTag,
    sorted,
    sessionPolicy ?? null,
    Object.entries(identityToken).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  // 43 characters in memory instead of 300.
  return createHash('sha256').update(fields).digest('base64url');
}

/** Completes a workload with its id and freezes it. */
export function makeWorkload(parts: Omit<Workload, 'id'>): Workload {
  return Object.freeze({ ...parts, tags: Object.freeze({ ...parts.tags }), id: identityOf(parts) });
}

/**
 * `RoleSessionName`: at most 64 characters of `[\w+=,.@-]`, with the whole wallet (42) in it. Two workloads of one wallet
 * never share one: a name that is too long, or has characters that STS refuses, ends in a digest of the whole name.
 */
export function sessionNameOf(workload: Pick<Workload, 'name' | 'wallet'>): string {
  const { name, wallet } = workload;
  const length = 64 - wallet.length - 1;
  if (name.length <= length && /^[\w.-]+$/.test(name)) return `${wallet}@${name}`;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 10);
  return `${wallet}@${name.replace(/[^\w.-]/g, '-').slice(0, length - 11)}=${digest}`;
}

/** A metric's label: the name in the configuration, one for all that are made on the fly, so that labels stay few. */
export function metricLabel({ name, origin }: Pick<Workload, 'name' | 'origin'>): string {
  return origin === 'configured' ? name : '(dynamic)';
}
