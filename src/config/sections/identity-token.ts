/**
 * The section `identity_token`: where the JWT for STS comes from.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type * as z from 'zod/mini';
import type { IdentityTokenConfig } from '../../workload/workload.ts';
import { dotted } from '../issues.ts';
import { key, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import { isAws } from '../names.ts';
import * as s from '../scalars.ts';
import { caFile } from '../secrets/pem.ts';
import type { WorkloadConfig } from '../types.ts';
import { checkInsecure, issuerProblem } from '../urls.ts';
import { allowInsecureHttpKey, audienceKey } from './shared-keys.ts';

export const STS_AUDIENCE = 'sts.amazonaws.com';

const MINUTE = 60;

/** The part of a path that stands for the name of the workload. */
const PLACEHOLDER = '{workload}';

export const identityToken = section({
  signer: key(
    section({
      issuer: key(s.url, {
        doc: 'The issuer, exactly as it is registered at the provider.',
        required: 'the issuer URL exactly as it is registered at the provider',
        example: 'https://oidc.example.com',
      }),
      keys_dir: key(s.path, { doc: 'The folder with the signing keys.', default: 'keys' }),
      audience: audienceKey,
      ttl: key(s.seconds(MINUTE, 60 * MINUTE), { doc: 'The lifetime of a JWT.', default: '5m' }),
    }),
    { doc: 'This process signs the JWT. One of `signer`, `broker` and `file`.' },
  ),
  broker: key(
    section({
      url: key(s.url, {
        doc: 'The broker, which is asked by `POST /v1/mint-oidc-jwt`.',
        required: 'the broker, https://…',
        example: 'https://broker.example.com',
      }),
      bearer_file: key(s.path, {
        doc: 'The file with the bearer, read again at each use. `{workload}` stands for the name of the workload.',
        example: '"bearers/{workload}"',
      }),
      bearer: key(s.oneOf('caller'), {
        doc: 'Forwards the JWT that the caller presented (`callers.jwt` only). Excludes `bearer_file`.',
        example: 'caller',
      }),
      ca_file: key(s.path, { doc: 'Certificates that the broker is verified with.', example: 'ca.pem' }),
      audience: audienceKey,
      allow_insecure_http: allowInsecureHttpKey,
    }),
    { doc: 'A broker mints the JWT.' },
  ),
  file: key(
    section({
      path: key(s.path, {
        doc: 'The file, read again at each use. `{workload}` stands for the name of the workload.',
        required: 'the file with the token',
        example: '/var/run/secrets/tokens/aws',
      }),
      audience: audienceKey,
    }),
    { doc: 'A file holds the JWT: a projected service-account token.' },
  ),
});

export type IdentityTokenDraft = z.output<typeof identityToken>;

/**
 * @param at the key `identity_token`
 * @param sts STS's endpoint, since AWS has limits of its own on issuers
 * @returns with `{workload}` still in paths, see {@link forWorkload}; undefined with a finding
 */
export function resolveIdentityToken(
  at: LoadContext,
  draft: IdentityTokenDraft,
  sts: string,
): IdentityTokenConfig | undefined {
  const kinds = ['signer', 'broker', 'file'] as const;
  const written = kinds.filter(kind => at.at(kind).isWritten);
  if (written.length !== 1) {
    const found = written.length === 0 ? 'none is there' : `${written.join(' and ')} are there`;
    at.error(`exactly one of signer, broker and file; ${found}`);
    return undefined;
  }
  if (draft.signer) return signer(at.at('signer'), draft.signer, sts);
  if (draft.broker) return broker(at.at('broker'), draft.broker);
  if (draft.file?.path === undefined) return undefined;
  return { kind: 'file', path: at.resolve(draft.file.path), audience: draft.file.audience };
}

function signer(
  at: LoadContext,
  draft: NonNullable<IdentityTokenDraft['signer']>,
  sts: string,
): IdentityTokenConfig | undefined {
  if (draft.issuer === undefined) return undefined;
  const fault = issuerProblem(draft.issuer, isAws(sts));
  if (fault !== undefined) at.at('issuer').error(fault);
  const keysDir = at.resolve(draft.keys_dir);
  const { keyFolders, dev } = at.load;
  if (!keyFolders.has(keysDir)) keyFolders.set(keysDir, at.at('keys_dir').located);
  return {
    kind: 'signer',
    issuer: draft.issuer,
    keysDir,
    audience: draft.audience,
    ttlSeconds: draft.ttl,
    purpose: dev ? 'dev' : 'oidc',
  };
}

function broker(at: LoadContext, draft: NonNullable<IdentityTokenDraft['broker']>): IdentityTokenConfig | undefined {
  const { url, bearer, bearer_file: bearerFile, audience, allow_insecure_http: allowInsecureHttp } = draft;
  const bearerAt = at.at('bearer');
  const both = bearerAt.isWritten && at.at('bearer_file').isWritten;
  if (both) bearerAt.error('bearer_file and bearer exclude each other');
  else if (!bearerAt.isWritten)
    at.at('bearer_file').missing('missing; the file with the bearer, or say bearer: caller');
  if (url !== undefined) checkInsecure(at.at('url'), url, allowInsecureHttp);
  const ca = draft.ca_file && caFile(at.at('ca_file'), draft.ca_file);
  const shown = bearer ?? (bearerFile === undefined ? undefined : { file: at.resolve(bearerFile) });
  if (url === undefined || both || shown === undefined) return undefined;
  return {
    kind: 'broker',
    url,
    bearer: shown,
    ...(ca && { caFile: ca }),
    allowInsecureHttp,
    audience,
    ...at.load.proxied,
  };
}

/** The same source with this workload's name in its paths. */
export function forWorkload(config: IdentityTokenConfig, name: string): IdentityTokenConfig {
  if (config.kind === 'file') return { ...config, path: config.path.replaceAll(PLACEHOLDER, name) };
  if (config.kind === 'broker' && config.bearer !== 'caller') {
    return { ...config, bearer: { file: config.bearer.file.replaceAll(PLACEHOLDER, name) } };
  }
  return config;
}

/**
 * Reads the files that the workloads' sources name, to report now what would fail later. Refuses two wallets behind one
 * bearer: the broker knows a wallet by it, so one of the two would get the other's credentials.
 *
 * @param placeOf the `identity_token` key that a workload's source was written at
 */
export function* checkSources(
  workloads: ReadonlyMap<string, WorkloadConfig>,
  placeOf: (name: string) => LoadContext,
): Generator<void, void> {
  const holders = new Map<string, Holder>();
  for (const [name, { workload }] of workloads) {
    yield;
    const { identityToken } = workload;
    const place = placeOf(name);
    const { only } = place.load;
    // Files of other workloads are read as far as possible: a bearer that is also this one's is still found.
    const at = only === undefined || only.workload === name ? place : place.inspecting();
    if (identityToken.kind === 'file') {
      const { path } = identityToken;
      if (!holders.has(path)) at.at('file', 'path').probeSecret(path, 'the token file');
      holders.set(path, workload);
      at.source(path);
    } else if (identityToken.kind === 'broker' && identityToken.bearer !== 'caller') {
      checkBearer(at.at('broker', 'bearer_file'), identityToken.bearer.file, workload, holders);
    }
  }
}

interface Holder {
  readonly name: string;
  readonly wallet: string;
}

/** @param holders who was first to name a file, or a bearer by its digest */
function checkBearer(at: LoadContext, file: string, workload: Holder, holders: Map<string, Holder>): void {
  const { name, wallet } = workload;
  const known = holders.get(file);
  const secret = known === undefined ? at.probeSecret(file, 'the bearer file') : undefined;
  refuseShown(at, secret?.text);
  const digest = secret && createHash('sha256').update(secret.text).digest('base64');
  const other = known ?? (digest === undefined ? undefined : holders.get(digest));
  if (other !== undefined && other.wallet !== wallet) {
    const [first, second] = [other.name, name].map(one => dotted(['workloads', one]));
    at.error(
      `one bearer for two wallets, those of ${first} and ${second}; give each its own file: "bearers/{workload}"`,
    );
  }
  for (const id of [file, digest]) if (id !== undefined && !holders.has(id)) holders.set(id, workload);
  at.source(file);
}

/**
 * A token that an app presents at the endpoint must be worth nothing at the broker. The app could exchange the JWT itself
 * there, past its workload's role and session policy.
 */
function refuseShown(at: LoadContext, bearer: string | undefined): void {
  const place = bearer === undefined ? undefined : at.load.tokens.placeOf(bearer);
  if (place === undefined || place.at(-1) === 'bearer_file') return;
  at.secretError(`the same value as ${dotted(place)}; a bearer for the broker is known to nobody else`);
}
