/**
 * The entries under `workloads`: identity, proofs, and what narrows them.
 *
 * @module
 */
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { InvalidValue } from '../../lib/invalid-value.ts';
import type { RoleArn } from '../../workload/role-arn.ts';
import { foldTagKey } from '../../workload/tag-key.ts';
import { type IdentityTokenConfig, makeWorkload } from '../../workload/workload.ts';
import { type Building, source } from '../building.ts';
import type { Path } from '../issues.ts';
import { isWorkloadName, MAX_TAGS, parseTagKey } from '../names.ts';
import type { Draft, DraftWorkload } from '../schema.ts';
import { sessionPolicyFor } from '../secrets/session-policy.ts';
import { bearerFromFile, tokenFromEnv, tokenFromFile } from '../secrets/tokens.ts';
import type { WorkloadConfig } from '../types.ts';
import { forWorkload, identityTokenFrom } from './identity-token.ts';
import { takeText } from './pem.ts';

/** What the outermost level says for all of them. */
export interface Defaults {
  readonly role: RoleArn | undefined;
  readonly sessionDuration: number;
  readonly identityToken: IdentityTokenConfig | undefined;
  readonly walletTag: string;
  readonly stsEndpoint: string;
  /** Workloads that a JWT at the endpoint can prove to be. */
  readonly bySubject: ReadonlySet<string>;
}

/** Up to so many are fetched at start unless they say otherwise. */
const PREFETCHED = 64;
/** STS takes less, but SDKs then ask at nearly every call. */
const SHORT_SESSION = 30 * 60;
/** The id alone authenticates there, so by default only this machine may show it. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

export function* workloadsFrom(
  building: Building,
  drafts: NonNullable<Draft['workloads']>,
  defaults: Defaults,
): Generator<void, Map<string, WorkloadConfig>> {
  const workloads = new Map<string, WorkloadConfig>();
  const names = Object.keys(drafts);
  for (const name of names) {
    yield;
    if (!isWorkloadName(name)) {
      building.problems.addAtKey(
        ['workloads', name],
        'a name has 1 to 64 letters, digits and "._-", and begins with a letter, a digit or "_"',
      );
    }
    const workload = workloadFrom(building, name, drafts[name] ?? {}, defaults, names.length);
    if (workload !== undefined) workloads.set(name, workload);
  }
  return workloads;
}

function workloadFrom(
  building: Building,
  name: string,
  draft: DraftWorkload,
  defaults: Defaults,
  count: number,
): WorkloadConfig | undefined {
  const { problems } = building;
  const path = ['workloads', name];
  problems.missing([...path, 'wallet'], 'missing; the wallet whose data it may touch, "0x" and 40 hexadecimal digits');
  const tags = tagsFrom(building, [...path, 'tags'], draft.tags ?? {}, defaults.walletTag);
  const token = tokenOf(building, path, draft);
  const bearer =
    draft.bearer_file === undefined ? undefined : bearerFromFile(building, [...path, 'bearer_file'], draft.bearer_file);
  const relativeUri = relativeUriOf(building, path, draft);
  const sessionPolicy = sessionPolicyOf(building, path, draft);
  warnShort(building, path, draft.session_duration);
  const identityToken =
    draft.identity_token === undefined
      ? defaults.identityToken
      : identityTokenFrom(building, [...path, 'identity_token'], draft.identity_token, defaults.stsEndpoint);
  const forwards = identityToken?.kind === 'broker' && identityToken.bearer === 'caller';
  if (forwards) refuseStatic(building, path, draft);
  const role = draft.role_arn ?? defaults.role;
  if (draft.wallet === undefined || role === undefined || identityToken === undefined) return undefined;

  const isAskedFor = token !== undefined || relativeUri !== undefined || defaults.bySubject.has(name);
  return deepFreeze({
    workload: makeWorkload({
      name,
      wallet: draft.wallet,
      role,
      sessionDuration: draft.session_duration ?? defaults.sessionDuration,
      walletTag: defaults.walletTag,
      tags,
      ...(sessionPolicy !== undefined && { sessionPolicy }),
      identityToken: forWorkload(identityToken, name),
      origin: 'configured',
    }),
    ...(token && { token }),
    ...(bearer && { bearer }),
    ...(relativeUri && { relativeUri }),
    prefetch: draft.prefetch ?? (count <= PREFETCHED && isAskedFor && !forwards),
    rawJwt: draft.raw_jwt ?? false,
  });
}

/** A session that is good for less than half an hour makes SDKs ask again and again. */
export function warnShort(building: Building, path: Path, seconds: number | undefined): void {
  if (seconds === undefined || seconds >= SHORT_SESSION) return;
  building.problems.warn(
    [...path, 'session_duration'],
    'under 30 minutes: many SDKs then fetch credentials at nearly every call',
  );
}

function tokenOf(building: Building, path: Path, draft: DraftWorkload): WorkloadConfig['token'] {
  const { problems } = building;
  const filePath = [...path, 'token_file'];
  const envPath = [...path, 'token_env'];
  if (problems.isWritten(filePath) && problems.isWritten(envPath)) {
    problems.add(envPath, 'token_file and token_env exclude each other; keep one');
    return undefined;
  }
  if (draft.token_env !== undefined) return tokenFromEnv(building, envPath, draft.token_env);
  if (draft.token_file === undefined) return undefined;
  return tokenFromFile(building, filePath, draft.token_file, {
    what: 'the token file',
    mode: draft.token_mode,
    group: draft.token_group,
  });
}

function relativeUriOf(building: Building, path: Path, draft: DraftWorkload): WorkloadConfig['relativeUri'] {
  if (draft.relative_uri === undefined) return undefined;
  const { id_file: idFile, from = LOOPBACK } = draft.relative_uri;
  const idPath = [...path, 'relative_uri', 'id_file'];
  building.problems.missing(idPath, 'missing; the file with the secret id, made if it is not there');
  if (idFile === undefined) return undefined;
  const made = tokenFromFile(building, idPath, idFile, {
    what: 'the id file',
    charset: /^[A-Za-z0-9._~-]+$/,
    mode: draft.token_mode,
    group: draft.token_group,
  });
  return made && { id: made.value, idFile: made.file, from };
}

/** Keys as STS compares them: without regard to case, so a second spelling of one would be a second value of it. */
function tagsFrom(
  building: Building,
  path: Path,
  tags: Record<string, string>,
  walletTag: string,
): Record<string, string> {
  const { problems } = building;
  const seen = new Map([[foldTagKey(walletTag), 'wallet_tag']]);
  for (const key of Object.keys(tags)) {
    const folded = foldTagKey(key);
    const first = seen.get(folded);
    if (first !== undefined) {
      problems.addAtKey(
        [...path, key],
        `the same key as ${first}, since STS doesn't tell upper from lower case; choose another`,
      );
    } else seen.set(folded, `"${key}"`);
    try {
      parseTagKey(key);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      problems.addAtKey([...path, key], error.message);
    }
  }
  if (seen.size > MAX_TAGS) problems.add(path, `${seen.size} tags with the wallet's; STS takes ${MAX_TAGS}`);
  return tags;
}

function sessionPolicyOf(building: Building, path: Path, draft: DraftWorkload): string | undefined {
  if (draft.session_policy_file === undefined) return undefined;
  const at = [...path, 'session_policy_file'];
  const file = source(building, draft.session_policy_file);
  const template = takeText(building, at, file, 'the session policy');
  if (template === undefined || draft.wallet === undefined) return undefined;
  const result = sessionPolicyFor(template, draft.wallet);
  if ('policy' in result) return result.policy;
  for (const problem of result.problems) building.problems.add(at, `the session policy ${file}: ${problem}`);
  return undefined;
}

/** Where the caller's own JWT is forwarded, a proof that is none leaves nothing to forward. */
function refuseStatic(building: Building, path: Path, draft: DraftWorkload): void {
  const { problems } = building;
  for (const key of ['token_file', 'token_env', 'relative_uri'] as const) {
    if (draft[key] === undefined) continue;
    problems.add(
      [...path, key],
      'identity_token.broker has bearer: caller, which forwards the JWT of callers.jwt; a static token is none',
    );
  }
  if (draft.prefetch === true) {
    problems.add(
      [...path, 'prefetch'],
      'identity_token.broker has bearer: caller; before somebody asks there is nothing to forward',
    );
  }
}
