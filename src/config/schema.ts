/**
 * Every key of `walletcreds.yaml`. All are optional here, what must be there is said where it is needed, so that a missing
 * key doesn't hide another finding. A key that isn't listed is an error.
 *
 * @module
 */
import * as z from 'zod/mini';
import * as l from './scalars.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** The finding for unknown keys carries the known ones: who words it needs them for the suggestion. */
export const KNOWN_KEYS = 'known keys: ';

type Shape = Record<string, z.core.$ZodType>;
type Optional<S extends Shape> = { [K in keyof S]: z.ZodMiniOptional<S[K]> };

/** A map with these keys and no others, each optional. */
function section<S extends Shape>(shape: S) {
  const optional = Object.fromEntries(Object.entries(shape).map(([key, type]) => [key, z.optional(type)]));
  return z.strictObject(optional as unknown as Optional<S>, {
    error: issue => (issue.code === 'unrecognized_keys' ? KNOWN_KEYS + Object.keys(shape).join(' ') : undefined),
  });
}

/** A list, or one value for a list of one. */
function some<T extends z.core.$ZodType>(item: T) {
  return z.pipe(
    z.transform((value: unknown) => (typeof value === 'string' ? [value] : value)),
    z.array(item),
  );
}

const sessionDuration = l.seconds(15 * MINUTE, 12 * HOUR);
const listeners = some(l.oneOf('endpoint', 'broker'));
const tls = section({ listen: some(l.address), cert_file: l.path, key_file: l.path });

const identityToken = section({
  signer: section({ issuer: l.url, keys_dir: l.path, audience: l.text, ttl: l.seconds(MINUTE, HOUR) }),
  broker: section({
    url: l.url,
    bearer_file: l.path,
    bearer: l.oneOf('caller'),
    ca_file: l.path,
    audience: l.text,
    allow_insecure_http: l.flag,
  }),
  file: section({ path: l.path, audience: l.text }),
});

export const workload = section({
  wallet: l.wallet,
  token_file: l.path,
  token_env: l.variable,
  token_mode: l.mode,
  token_group: l.integer(0, 4_294_967_294),
  bearer_file: l.path,
  relative_uri: section({ id_file: l.path, from: some(l.cidr) }),
  tags: z.record(z.string(), l.tagValue),
  prefetch: l.flag,
  role_arn: l.roleArn,
  session_duration: sessionDuration,
  session_policy_file: l.path,
  identity_token: identityToken,
  raw_jwt: l.flag,
});

const maxConnections = l.integer(1, 65_535);

const jwtCaller = section({
  issuer: l.text,
  audience: l.text,
  listeners,
  jwks: section({ url: l.url, file: l.path, ca_file: l.path, bearer_file: l.path, allow_insecure_http: l.flag }),
  subjects: z.record(z.string(), l.text),
  wallet_claim: l.text,
  any_wallet: l.flag,
  wallets: some(l.wallet),
  node_name: l.text,
  allow_any_node: l.flag,
  allow_insecure_http: l.flag,
});

const sessionBackend = section({
  url: l.url,
  listeners,
  any_wallet: l.flag,
  wallets: some(l.wallet),
  cache_ttl: l.duration(0, 30_000),
  ca_file: l.path,
  allow_insecure_http: l.flag,
});

export const schema = section({
  region: l.region,
  role_arn: l.roleArn,
  session_duration: sessionDuration,
  wallet_tag: l.walletTag,
  state_dir: l.path,
  endpoint: section({
    listen: some(l.address),
    tls,
    allow_remote: l.flag,
    extra_hosts: some(l.host),
    allow_from: some(l.cidr),
    token_overlap: l.duration(0, 24 * HOUR * 1000),
    max_connections: maxConnections,
  }),
  identity_token: identityToken,
  workloads: z.record(z.string(), workload),
  callers: section({ jwt: z.array(jwtCaller), session_backend: sessionBackend }),
  sts: section({
    endpoint: l.url,
    ca_file: l.path,
    timeout: l.duration(100, 60_000),
    allow_insecure_http: l.flag,
  }),
  broker: section({
    listen: some(l.address),
    tls,
    allow_remote: l.flag,
    extra_hosts: some(l.host),
    mint_aws_creds: l.flag,
    max_connections: maxConnections,
  }),
  admin: section({
    listen: some(l.address),
    tls,
    allow_remote: l.flag,
    token_file: l.path,
    max_connections: maxConnections,
  }),
  audit: section({ database: l.text }),
});

/** The configuration as written, each value parsed, nothing filled in. */
export type Draft = z.output<typeof schema>;
export type DraftWorkload = z.output<typeof workload>;
export type DraftIdentityToken = z.output<typeof identityToken>;
export type DraftJwtCaller = z.output<typeof jwtCaller>;
export type DraftSessionBackend = z.output<typeof sessionBackend>;
export type DraftTls = z.output<typeof tls>;
