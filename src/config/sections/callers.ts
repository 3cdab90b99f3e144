/**
 * Other proofs of who is asking: JWTs of configured issuers, and the session backend.
 *
 * @module
 */

import { InvalidValue } from '../../lib/invalid-value.ts';
import { suggestion } from '../../lib/nearest.ts';
import { type Building, fileProblem, probeSecret, source } from '../building.ts';
import { dotted, type Path } from '../issues.ts';
import type { Draft, DraftJwtCaller, DraftSessionBackend } from '../schema.ts';
import type { CallersConfig, JwtCallerConfig, SessionBackendConfig } from '../types.ts';
import { parseUrl } from '../urls.ts';
import { STS_AUDIENCE } from './identity-token.ts';
import { caFile, takeText } from './pem.ts';
import { checkInsecure } from './upstream.ts';

/** @param workloads the names that are written under `workloads` */
export function* callersFrom(
  building: Building,
  draft: Draft['callers'],
  workloads: readonly string[],
): Generator<void, CallersConfig> {
  const drafts = draft?.jwt ?? [];
  const jwt: (JwtCallerConfig | undefined)[] = [];
  for (const [i, entry] of drafts.entries()) {
    const path = ['callers', 'jwt', i];
    jwt.push(jwtCaller(building, path, entry));
    yield* checkSubjects(building, path, entry.subjects, workloads);
  }
  checkIssuers(building, drafts);
  checkAudiences(building, drafts);
  const backend = draft?.session_backend;
  const sessionBackend = backend && sessionBackendFrom(building, ['callers', 'session_backend'], backend);
  return { jwt: jwt.filter(entry => entry !== undefined), ...(sessionBackend && { sessionBackend }) };
}

function jwtCaller(building: Building, path: Path, draft: DraftJwtCaller): JwtCallerConfig | undefined {
  const { problems } = building;
  problems.missing([...path, 'issuer'], 'missing; the value of "iss", byte for byte');
  problems.missing([...path, 'audience'], 'missing; the value of "aud" that these tokens have for this listener');
  const listeners = listenersOf(building, path, draft.listeners);
  const jwks = jwksOf(building, path, draft);
  const authority = authorityOf(building, path, draft);
  if (draft.node_name !== undefined && draft.allow_any_node === true) {
    problems.add([...path, 'allow_any_node'], 'node_name and allow_any_node exclude each other; keep one');
  }
  const { issuer, audience } = draft;
  if (issuer === undefined || audience === undefined) return undefined;
  return {
    issuer,
    audience,
    listeners,
    jwks,
    ...authority,
    ...(draft.node_name !== undefined && { nodeName: draft.node_name }),
    ...(draft.allow_any_node !== undefined && { allowAnyNode: draft.allow_any_node }),
  };
}

/** `subjects` names each caller, `wallet_claim` believes the issuer, within bounds that must be said. */
function authorityOf(
  building: Building,
  path: Path,
  draft: DraftJwtCaller,
): Pick<JwtCallerConfig, 'subjects' | 'walletClaim' | 'wallets'> {
  const { problems } = building;
  const hasSubjects = problems.isWritten([...path, 'subjects']);
  const hasClaim = problems.isWritten([...path, 'wallet_claim']);
  if (hasSubjects && hasClaim) {
    problems.add([...path, 'wallet_claim'], 'subjects and wallet_claim exclude each other; keep one');
    return {};
  }
  if (!hasSubjects && !hasClaim) {
    problems.add(path, 'neither subjects (sub → workload) nor wallet_claim; say whom these tokens speak for');
    return {};
  }
  if (hasSubjects) {
    for (const key of ['any_wallet', 'wallets']) {
      if (problems.isWritten([...path, key]))
        problems.addAtKey([...path, key], 'goes with wallet_claim, not with subjects');
    }
    return { subjects: Object.freeze(Object.assign(Object.create(null), draft.subjects)) };
  }
  const wallets = walletsOf(building, path, draft);
  const claim = draft.wallet_claim;
  if (claim?.split('.').includes('')) problems.add([...path, 'wallet_claim'], 'an empty part; it reads a.b.c');
  return { ...(claim !== undefined && { walletClaim: claim }), wallets };
}

function* checkSubjects(
  building: Building,
  path: Path,
  subjects: DraftJwtCaller['subjects'],
  workloads: readonly string[],
): Generator<void, void> {
  const known = new Set(workloads);
  for (const [subject, name] of Object.entries(subjects ?? {})) {
    yield;
    if (known.has(name)) continue;
    building.problems.add([...path, 'subjects', subject], `no such workload; ${suggestion(name, workloads)}`);
  }
}

function walletsOf(
  building: Building,
  path: Path,
  draft: Pick<DraftSessionBackend, 'any_wallet' | 'wallets'>,
): 'any' | readonly string[] {
  const { problems } = building;
  const hasList = problems.isWritten([...path, 'wallets']);
  if (draft.any_wallet === true) {
    if (hasList) problems.add([...path, 'any_wallet'], 'any_wallet and wallets exclude each other; keep one');
    return 'any';
  }
  if (!hasList && (draft.any_wallet === false || !problems.isWritten([...path, 'any_wallet']))) {
    problems.add(path, 'missing any_wallet: true or wallets: […]; say which wallets it may vouch for');
  }
  return draft.wallets ?? [];
}

function jwksOf(building: Building, path: Path, draft: DraftJwtCaller): JwtCallerConfig['jwks'] {
  const { problems } = building;
  const at = [...path, 'jwks'];
  const { url, file, ca_file: ca, bearer_file: bearer, allow_insecure_http: beside } = draft.jwks ?? {};
  const beIssuer = draft.allow_insecure_http ?? beside ?? false;
  if (url !== undefined) checkInsecure(building, [...at, 'url'], url, beside);
  if (url !== undefined && file !== undefined)
    problems.warn([...at, 'file'], 'not read, since url is there too; keep one');
  if (url === undefined && file === undefined && draft.issuer !== undefined) {
    checkDiscovery(building, [...path, 'issuer'], draft.issuer, beIssuer);
  }
  const jwksFile = file === undefined || url !== undefined ? undefined : source(building, file);
  if (jwksFile !== undefined) checkJwks(building, [...at, 'file'], jwksFile);
  const bearerFile = bearer === undefined ? undefined : source(building, bearer);
  if (bearerFile !== undefined) probeSecret(building, [...at, 'bearer_file'], bearerFile, 'the bearer file');
  return {
    ...(url !== undefined && { url }),
    ...(jwksFile !== undefined && { file: jwksFile }),
    ...(ca !== undefined && { caFile: caFile(building, [...at, 'ca_file'], ca) }),
    ...(bearerFile !== undefined && { bearerFile }),
    allowInsecureHttp: url === undefined ? beIssuer : (beside ?? false),
  };
}

/** Without a `jwks` of its own, the issuer is where its keys are looked for. */
function checkDiscovery(building: Building, path: Path, issuer: string, allowed: boolean): void {
  try {
    checkInsecure(building, path, parseUrl(issuer), allowed);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    building.problems.add(path, `${error.message}; for an issuer that is none, say jwks.url or jwks.file`);
  }
}

function checkJwks(building: Building, path: Path, file: string): void {
  const text = takeText(building, path, file, 'the JWKS');
  if (text === undefined) return;
  try {
    if (Array.isArray((JSON.parse(text) as { keys?: unknown } | null)?.keys)) return;
  } catch {
    // Said below, like JSON that is something else.
  }
  fileProblem(building, path, `the JWKS ${file}: not JSON with a list "keys"`);
}

function listenersOf(building: Building, path: Path, listeners: SessionBackendConfig['listeners'] | undefined) {
  const at = [...path, 'listeners'];
  building.problems.missing(at, 'missing; say where this proof counts: [endpoint] or [broker]');
  if (listeners?.length === 0) building.problems.add(at, 'empty; say where this proof counts: [endpoint] or [broker]');
  if (listeners?.includes('broker') && !building.problems.isWritten(['broker'])) {
    building.problems.warn(at, 'names the broker, which is not switched on (broker: {…})');
  }
  return [...new Set(listeners ?? [])];
}

function checkIssuers(building: Building, drafts: readonly DraftJwtCaller[]): void {
  const seen = new Map<string, number>();
  for (const [i, { issuer }] of drafts.entries()) {
    if (issuer === undefined) continue;
    const first = seen.get(issuer);
    if (first === undefined) seen.set(issuer, i);
    else
      building.problems.add(
        ['callers', 'jwt', i, 'issuer'],
        `the same issuer as callers.jwt.${first}; each has one entry`,
      );
  }
}

/** A token for one listener must be worth nothing at the other, and one for STS nothing here. */
function checkAudiences(building: Building, drafts: readonly DraftJwtCaller[]): void {
  const seen = new Map<string, { listener: string; path: Path }>();
  for (const [i, { audience, listeners }] of drafts.entries()) {
    const path = ['callers', 'jwt', i, 'audience'];
    if (audience === undefined) continue;
    if (audience === STS_AUDIENCE) {
      building.problems.add(
        path,
        `${STS_AUDIENCE} is what STS wants to see, never a caller's; choose an audience of your own`,
      );
    }
    for (const listener of new Set(listeners ?? [])) {
      const first = seen.get(audience);
      if (first === undefined) seen.set(audience, { listener, path });
      else if (first.listener !== listener) {
        building.problems.add(
          path,
          `serves the ${first.listener} already (${dotted(first.path)}); one audience serves one listener`,
        );
        break;
      }
    }
  }
}

function sessionBackendFrom(
  building: Building,
  path: Path,
  draft: DraftSessionBackend,
): SessionBackendConfig | undefined {
  building.problems.missing([...path, 'url'], 'missing; the backend, https://…');
  const listeners = listenersOf(building, path, draft.listeners);
  const wallets = walletsOf(building, path, draft);
  if (draft.url === undefined) return undefined;
  checkInsecure(building, [...path, 'url'], draft.url, draft.allow_insecure_http);
  return {
    url: draft.url,
    listeners,
    wallets,
    cacheTtlMs: draft.cache_ttl ?? 30_000,
    ...(draft.ca_file !== undefined && { caFile: caFile(building, [...path, 'ca_file'], draft.ca_file) }),
    allowInsecureHttp: draft.allow_insecure_http ?? false,
  };
}
