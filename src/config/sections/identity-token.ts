/**
 * Where the JWT for STS comes from: one of signer, broker, file.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { IdentityTokenConfig } from '../../workload/workload.ts';
import { type Building, probeSecret, secretProblem, source } from '../building.ts';
import { dotted, type Path } from '../issues.ts';
import { isAws } from '../names.ts';
import type { DraftIdentityToken } from '../schema.ts';
import type { WorkloadConfig } from '../types.ts';
import { issuerProblem } from '../urls.ts';
import { caFile } from './pem.ts';
import { checkInsecure } from './upstream.ts';

export const STS_AUDIENCE = 'sts.amazonaws.com';

/** The part of a path that stands for the name of the workload. */
const PLACEHOLDER = '{workload}';

/**
 * @param path of the `identity_token` key
 * @param sts STS's endpoint, since AWS has limits of its own on issuers
 * @returns with `{workload}` still in paths, see {@link forWorkload}; undefined with a finding
 */
export function identityTokenFrom(
  building: Building,
  path: Path,
  draft: DraftIdentityToken,
  sts: string,
): IdentityTokenConfig | undefined {
  const { problems } = building;
  const kinds = ['signer', 'broker', 'file'] as const;
  const written = kinds.filter(kind => problems.isWritten([...path, kind]));
  if (written.length !== 1) {
    const found = written.length === 0 ? 'none is there' : `${written.join(' and ')} are there`;
    problems.add(path, `exactly one of signer, broker and file; ${found}`);
    return undefined;
  }
  if (draft.signer) return signer(building, [...path, 'signer'], draft.signer, sts);
  if (draft.broker) return broker(building, [...path, 'broker'], draft.broker);
  if (draft.file) {
    problems.missing([...path, 'file', 'path'], 'missing; the file with the token');
    if (draft.file.path === undefined) return undefined;
    const audience = draft.file.audience ?? STS_AUDIENCE;
    return { kind: 'file', path: resolve(building.baseDir, draft.file.path), audience };
  }
  return undefined;
}

function signer(
  building: Building,
  path: Path,
  draft: NonNullable<DraftIdentityToken['signer']>,
  sts: string,
): IdentityTokenConfig | undefined {
  const { problems } = building;
  problems.missing([...path, 'issuer'], 'missing; the issuer URL exactly as it is registered at the provider');
  if (draft.issuer === undefined) return undefined;
  const fault = issuerProblem(draft.issuer, isAws(sts));
  if (fault !== undefined) problems.add([...path, 'issuer'], fault);
  const keysDir = resolve(building.baseDir, draft.keys_dir ?? 'keys');
  if (!building.keyFolders.has(keysDir)) building.keyFolders.set(keysDir, problems.located([...path, 'keys_dir']));
  return {
    kind: 'signer',
    issuer: draft.issuer,
    keysDir,
    audience: draft.audience ?? STS_AUDIENCE,
    ttlSeconds: draft.ttl ?? 300,
    purpose: building.dev ? 'dev' : 'oidc',
  };
}

function broker(
  building: Building,
  path: Path,
  draft: NonNullable<DraftIdentityToken['broker']>,
): IdentityTokenConfig | undefined {
  const { problems } = building;
  const { url, bearer, bearer_file: bearerFile } = draft;
  problems.missing([...path, 'url'], 'missing; the broker, https://…');
  const both = problems.isWritten([...path, 'bearer']) && problems.isWritten([...path, 'bearer_file']);
  if (both) problems.add([...path, 'bearer'], 'bearer_file and bearer exclude each other');
  if (bearer === undefined) {
    if (!problems.isWritten([...path, 'bearer'])) {
      problems.missing([...path, 'bearer_file'], 'missing; the file with the bearer, or say bearer: caller');
    }
  }
  if (url !== undefined) checkInsecure(building, [...path, 'url'], url, draft.allow_insecure_http);
  const ca = draft.ca_file === undefined ? undefined : caFile(building, [...path, 'ca_file'], draft.ca_file);
  if (url === undefined || both || (bearer === undefined && bearerFile === undefined)) return undefined;
  return {
    kind: 'broker',
    url,
    bearer: bearer ?? { file: resolve(building.baseDir, bearerFile ?? '') },
    ...(ca !== undefined && { caFile: ca }),
    allowInsecureHttp: draft.allow_insecure_http ?? false,
    audience: draft.audience ?? STS_AUDIENCE,
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
 * Reads what the workloads' sources name, to say now what would fail later, and refuses two wallets behind one bearer: the
 * broker knows a wallet by it, so one of the two would be given the other's.
 *
 * @param pathOf the `identity_token` key that a workload's source was written at
 */
export function* checkSources(
  building: Building,
  workloads: ReadonlyMap<string, WorkloadConfig>,
  pathOf: (name: string) => Path,
): Generator<void, void> {
  const holders = new Map<string, { name: string; wallet: string }>();
  for (const [name, { workload }] of workloads) {
    yield;
    const { identityToken, wallet } = workload;
    if (identityToken.kind === 'signer' || (identityToken.kind === 'broker' && identityToken.bearer === 'caller'))
      continue;
    const isBroker = identityToken.kind === 'broker';
    const file = isBroker ? (identityToken.bearer as { file: string }).file : identityToken.path;
    const path = [...pathOf(name), ...(isBroker ? ['broker', 'bearer_file'] : ['file', 'path'])];
    const known = holders.get(file);
    // Others' are looked at as far as they can be read: one that is ours too is still found.
    const isOurs = building.only === undefined || building.only.workload === name;
    const view: Building = isOurs ? building : { ...building, purpose: 'inspect' };
    const secret =
      known === undefined ? probeSecret(view, path, file, isBroker ? 'the bearer file' : 'the token file') : undefined;
    if (isBroker) {
      refuseShown(view, path, secret?.text);
      const digest = secret && createHash('sha256').update(secret.text).digest('base64');
      const other = known ?? (digest === undefined ? undefined : holders.get(digest));
      if (other !== undefined && other.wallet !== wallet) {
        building.problems.add(
          path,
          `one bearer for two wallets, those of ${dotted(['workloads', other.name])} and ${dotted(['workloads', name])}; give each its own file: "bearers/{workload}"`,
        );
      }
      if (digest !== undefined && !holders.has(digest)) holders.set(digest, { name, wallet });
    }
    if (known === undefined) holders.set(file, { name, wallet });
    source(building, file);
  }
}

/**
 * What an app shows at the endpoint must be worth nothing at the broker: it could carry it there and exchange the JWT
 * itself, past its workload's role and session policy.
 */
function refuseShown(building: Building, path: Path, bearer: string | undefined): void {
  const place = bearer === undefined ? undefined : building.tokens.placeOf(bearer);
  if (place === undefined || place.at(-1) === 'bearer_file') return;
  secretProblem(
    building,
    path,
    `the same value as ${dotted(place)}; what is shown at the broker is known to nobody else`,
  );
}
