/**
 * The configuration as the other layers see it: validated, immutable, every path absolute, every secret file read.
 *
 * @module
 */
import type { ListenAddress } from '../lib/addresses.ts';
import type { EgressProxy } from '../lib/egress-proxy.ts';
import type { ConfigProblem } from '../lib/errors.ts';
import type { RoleArn } from '../workload/role-arn.ts';
import type { IdentityTokenConfig, Workload } from '../workload/workload.ts';
import type { Sources } from './sources.ts';

export interface TlsConfig {
  readonly listen: readonly ListenAddress[];
  readonly certFile: string;
  readonly keyFile: string;
}

export interface EndpointConfig {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsConfig;
  readonly allowRemote: boolean;
  readonly extraHosts: readonly string[];
  /** CIDR blocks; empty: from anywhere that can reach the listener. */
  readonly allowFrom: readonly string[];
  readonly tokenOverlapMs: number;
  readonly maxConnections: number;
}

export interface StsConfig {
  readonly endpoint: string;
  /** The setting that the endpoint comes from, for the start-up log. */
  readonly endpointSource: 'sts.endpoint' | 'AWS_ENDPOINT_URL_STS' | 'region';
  readonly caFile?: string;
  readonly timeoutMs: number;
  readonly allowInsecureHttp: boolean;
  readonly proxy?: EgressProxy;
}

export interface AdminConfig {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsConfig;
  readonly allowRemote: boolean;
  /** The token's file and its value; absent: names, errors, metrics and the page are closed, but in `dev`. */
  readonly token?: { readonly file: string; readonly value: string };
  /** `dev`: everything is open on loopback. */
  readonly open: boolean;
  readonly maxConnections: number;
}

export interface BrokerConfig {
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsConfig;
  readonly allowRemote: boolean;
  readonly mintAwsCreds: boolean;
  readonly extraHosts: readonly string[];
  readonly maxConnections: number;
}

export type CallerListener = 'endpoint' | 'broker';

/** A JWT issuer whose tokens prove who is asking. */
export interface JwtCallerConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly listeners: readonly CallerListener[];
  readonly jwks: {
    readonly url?: string;
    readonly file?: string;
    readonly caFile?: string;
    readonly bearerFile?: string;
    readonly allowInsecureHttp: boolean;
    readonly proxy?: EgressProxy;
  };
  /** `sub` → workload name; excludes `walletClaim`. */
  readonly subjects?: Readonly<Record<string, string>>;
  /** Dotted path of the claim. */
  readonly walletClaim?: string;
  /** With `walletClaim`: which wallets this issuer may name. */
  readonly wallets?: 'any' | readonly string[];
  /** Node agent: the node whose pods may ask, or any. */
  readonly nodeName?: string;
  readonly allowAnyNode?: boolean;
}

export interface SessionBackendConfig {
  readonly url: string;
  readonly listeners: readonly CallerListener[];
  readonly wallets: 'any' | readonly string[];
  readonly cacheTtlMs: number;
  readonly caFile?: string;
  readonly allowInsecureHttp: boolean;
  readonly proxy?: EgressProxy;
}

export interface CallersConfig {
  readonly jwt: readonly JwtCallerConfig[];
  readonly sessionBackend?: SessionBackendConfig;
}

/** `file:…`, `postgres://…` or `stdout`. */
export type AuditConfig =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'stdout' };

/** One entry under `workloads`: the identity, and how it proves itself where. */
export interface WorkloadConfig {
  readonly workload: Workload;
  /** What its SDK presents at the endpoint; absent where it authenticates by `callers` alone. */
  readonly token?: { readonly value: string; readonly file?: string; readonly env?: string };
  /** What it shows at the broker. */
  readonly bearer?: { readonly value: string; readonly file: string };
  readonly relativeUri?: { readonly id: string; readonly idFile: string; readonly from: readonly string[] };
  readonly prefetch: boolean;
  /** May fetch a raw JWT at `mint-oidc-jwt` in spite of a session policy or a role of its own. */
  readonly rawJwt: boolean;
}

export interface Config {
  /** The file it came from; `null` for one made in memory (`dev`, the library). */
  readonly file: string | null;
  /** The same as the user named it, for messages. */
  readonly name?: string;
  readonly stateDir: string;
  readonly region: string;
  readonly walletTag: string;
  readonly endpoint: EndpointConfig;
  /** What a workload gets that is known by its wallet alone. */
  readonly defaults: {
    readonly role: RoleArn | undefined;
    readonly sessionDuration: number;
    readonly identityToken: IdentityTokenConfig;
  };
  readonly workloads: ReadonlyMap<string, WorkloadConfig>;
  readonly callers: CallersConfig;
  /** For https to other machines; the sections that call out hold it as well. */
  readonly egressProxy?: EgressProxy;
  readonly sts: StsConfig;
  readonly broker?: BrokerConfig;
  readonly admin: AdminConfig;
  readonly audit: AuditConfig;
  /** Where each folder of signing keys is named, for what is wrong with the keys. */
  readonly keyFolders?: ReadonlyMap<string, Omit<ConfigProblem, 'message'>>;
  /** Every file the configuration was read from; a change of one is a reason to reload. */
  readonly sources: Sources;
  /** Said once in the log at start. */
  readonly warnings: readonly string[];
}
