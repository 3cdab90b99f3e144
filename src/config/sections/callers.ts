/**
 * The section `callers`: JWTs of configured issuers, and the session backend.
 *
 * @module
 */
import * as z from 'zod/mini';
import { InvalidValue } from '../../lib/invalid-value.ts';
import { suggestion } from '../../lib/nearest.ts';
import { dotted, type Path } from '../issues.ts';
import { key, named, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import { caFile } from '../secrets/pem.ts';
import type { CallersConfig, JwtCallerConfig } from '../types.ts';
import { checkInsecure, parseUrl } from '../urls.ts';
import { STS_AUDIENCE } from './identity-token.ts';
import { listenersOf, resolveSessionBackend, sessionBackend, walletsOf } from './session-backend.ts';
import { allowInsecureHttpKey, anyWalletKey, listenersKey, walletsKey } from './shared-keys.ts';

const jwtCaller = section({
  issuer: key(s.text, {
    doc: 'The value of `iss`.',
    required: 'the value of "iss", byte for byte',
    example: 'https://kubernetes.default.svc.cluster.local',
  }),
  audience: key(s.text, {
    doc: 'The value of `aud` for this listener. One audience serves one listener.',
    required: 'the value of "aud" that these tokens have for this listener',
    example: 'walletcreds',
  }),
  listeners: listenersKey,
  jwks: key(
    section({
      url: key(s.url, {
        doc: 'The URL of the JWKS.',
        otherwise: 'by discovery',
        example: 'https://example.com/jwks.json',
      }),
      file: key(s.path, { doc: 'A file with the JWKS, in place of a URL.', example: 'jwks.json' }),
      ca_file: key(s.path, { doc: 'Certificates that the server of the JWKS is verified with.', example: 'ca.pem' }),
      bearer_file: key(s.path, {
        doc: 'A bearer that is presented to the server of the JWKS; read again at each use.',
        example: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      }),
      allow_insecure_http: allowInsecureHttpKey,
    }),
    { doc: "Where the issuer's keys are.", otherwise: 'by discovery' },
  ),
  subjects: key(named(s.text), {
    doc: 'The workload of each `sub`, written out without `*`. Excludes `wallet_claim`.',
    example: '{ "system:serviceaccount:scrapers:scraper-a": scraper-a }',
  }),
  wallet_claim: key(s.text, {
    doc: 'The claim that holds the wallet, by its dotted path. Excludes `subjects`.',
    example: 'agentkeys.wallet_address',
  }),
  any_wallet: anyWalletKey,
  wallets: walletsKey,
  node_name: key(s.text, {
    doc: 'For a node agent: the node whose pods are answered.',
    example: '"${env:NODE_NAME}"',
  }),
  allow_any_node: key(s.flag, { doc: 'Answers pods of every node. Excludes `node_name`.', otherwise: '`false`' }),
  allow_insecure_http: key(s.flag, { doc: 'Permits discovery by plain http.', otherwise: 'the one of `jwks`' }),
});

type JwtCallerDraft = z.output<typeof jwtCaller>;

export const callers = section({
  jwt: key(z.array(jwtCaller), { doc: 'Issuers whose JWTs say who is asking.' }),
  session_backend: key(sessionBackend, { doc: 'A backend that says whose a session is.' }),
});

export type CallersDraft = z.output<typeof callers>;

/** @param workloads the names that are written under `workloads` */
export function* resolveCallers(
  at: LoadContext,
  draft: CallersDraft,
  workloads: readonly string[],
): Generator<void, CallersConfig> {
  const drafts = draft.jwt ?? [];
  const jwt: (JwtCallerConfig | undefined)[] = [];
  for (const [i, entry] of drafts.entries()) {
    const place = at.at('jwt', i);
    jwt.push(jwtCallerOf(place, entry));
    yield* checkSubjects(place.at('subjects'), entry.subjects, workloads);
  }
  checkIssuers(at.at('jwt'), drafts);
  checkAudiences(at.at('jwt'), drafts);
  const backend = draft.session_backend && resolveSessionBackend(at.at('session_backend'), draft.session_backend);
  return { jwt: jwt.filter(entry => entry !== undefined), ...(backend && { sessionBackend: backend }) };
}

function jwtCallerOf(at: LoadContext, draft: JwtCallerDraft): JwtCallerConfig | undefined {
  const listeners = listenersOf(at.at('listeners'), draft.listeners);
  const jwks = jwksOf(at, draft);
  const authority = authorityOf(at, draft);
  const { issuer, audience, node_name: nodeName, allow_any_node: allowAnyNode } = draft;
  if (nodeName !== undefined && allowAnyNode === true) {
    at.at('allow_any_node').error('node_name and allow_any_node exclude each other; keep one');
  }
  if (issuer === undefined || audience === undefined) return undefined;
  return {
    issuer,
    audience,
    listeners,
    jwks,
    ...authority,
    ...(nodeName !== undefined && { nodeName }),
    ...(allowAnyNode !== undefined && { allowAnyNode }),
  };
}

/** `subjects` names each caller. `wallet_claim` believes the issuer, within bounds that must be said. */
function authorityOf(
  at: LoadContext,
  draft: JwtCallerDraft,
): Pick<JwtCallerConfig, 'subjects' | 'walletClaim' | 'wallets'> {
  const claimAt = at.at('wallet_claim');
  if (at.at('subjects').isWritten) {
    if (claimAt.isWritten) {
      claimAt.error('subjects and wallet_claim exclude each other; keep one');
      return {};
    }
    for (const name of ['any_wallet', 'wallets']) {
      if (at.at(name).isWritten) at.at(name).keyError('goes with wallet_claim, not with subjects');
    }
    return { subjects: Object.assign(Object.create(null), draft.subjects) };
  }
  if (!claimAt.isWritten) {
    at.error('neither subjects (sub → workload) nor wallet_claim; say whom these tokens speak for');
    return {};
  }
  const wallets = walletsOf(at, draft);
  const { wallet_claim: walletClaim } = draft;
  if (walletClaim?.split('.').includes('')) claimAt.error('an empty part; it reads a.b.c');
  return { ...(walletClaim !== undefined && { walletClaim }), wallets };
}

function* checkSubjects(
  at: LoadContext,
  subjects: JwtCallerDraft['subjects'],
  workloads: readonly string[],
): Generator<void, void> {
  const known = new Set(workloads);
  for (const [subject, name] of Object.entries(subjects ?? {})) {
    yield;
    // It would be compared literally, and its callers would get 403 without a word in the log at the start.
    if (subject.includes('*')) at.at(subject).error('a "*" is no pattern here; write each subject out');
    if (!known.has(name)) at.at(subject).error(`no such workload; ${suggestion(name, workloads)}`);
  }
}

function jwksOf(at: LoadContext, draft: JwtCallerDraft): JwtCallerConfig['jwks'] {
  const place = at.at('jwks');
  const { url, file, ca_file: ca, bearer_file: bearer, allow_insecure_http: allowed = false } = draft.jwks ?? {};
  const allowInsecureHttp = url === undefined ? (draft.allow_insecure_http ?? allowed) : allowed;
  if (url !== undefined) checkInsecure(place.at('url'), url, allowed);
  if (url !== undefined && file !== undefined) place.at('file').warn('not read, since url is there too; keep one');
  if (url === undefined && file === undefined && draft.issuer !== undefined) {
    checkDiscovery(at.at('issuer'), draft.issuer, allowInsecureHttp);
  }
  const jwksFile = file === undefined || url !== undefined ? undefined : place.source(file);
  if (jwksFile !== undefined) checkJwks(place.at('file'), jwksFile);
  const bearerFile = bearer === undefined ? undefined : place.source(bearer);
  if (bearerFile !== undefined) place.at('bearer_file').probeSecret(bearerFile, 'the bearer file');
  return {
    ...(url !== undefined && { url }),
    ...(jwksFile !== undefined && { file: jwksFile }),
    ...(ca !== undefined && { caFile: caFile(place.at('ca_file'), ca) }),
    ...(bearerFile !== undefined && { bearerFile }),
    allowInsecureHttp,
    ...at.load.proxied,
  };
}

/** Without `jwks`, the keys are found by the issuer. */
function checkDiscovery(at: LoadContext, issuer: string, allowed: boolean): void {
  try {
    checkInsecure(at, parseUrl(issuer), allowed);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    at.error(`${error.message}; for an issuer that is none, say jwks.url or jwks.file`);
  }
}

function checkJwks(at: LoadContext, file: string): void {
  const text = at.readText(file, 'the JWKS');
  if (text === undefined) return;
  try {
    if (Array.isArray((JSON.parse(text) as { keys?: unknown } | null)?.keys)) return;
  } catch {
    // Reported below, like JSON of another shape.
  }
  at.fileError(`the JWKS ${file}: not JSON with a list "keys"`);
}

/** @param at the key `callers.jwt` */
function checkIssuers(at: LoadContext, drafts: readonly JwtCallerDraft[]): void {
  const seen = new Map<string, number>();
  for (const [i, { issuer }] of drafts.entries()) {
    if (issuer === undefined) continue;
    const first = seen.get(issuer);
    if (first === undefined) seen.set(issuer, i);
    else at.at(i, 'issuer').error(`the same issuer as ${at.at(first).name}; each has one entry`);
  }
}

/** A token for one listener must be worth nothing at the other, and one for STS nothing here. */
function checkAudiences(at: LoadContext, drafts: readonly JwtCallerDraft[]): void {
  const seen = new Map<string, { listener: string; path: Path }>();
  for (const [i, { audience, listeners }] of drafts.entries()) {
    const place = at.at(i, 'audience');
    if (audience === undefined) continue;
    if (audience === STS_AUDIENCE) {
      place.error(`${STS_AUDIENCE} is the audience for STS, never for a caller; choose an audience of your own`);
    }
    for (const listener of new Set(listeners ?? [])) {
      const first = seen.get(audience);
      if (first === undefined) seen.set(audience, { listener, path: place.path });
      else if (first.listener !== listener) {
        place.error(`serves the ${first.listener} already (${dotted(first.path)}); one audience serves one listener`);
        break;
      }
    }
  }
}
