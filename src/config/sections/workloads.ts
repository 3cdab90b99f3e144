/**
 * The section `workloads`: whose data each may touch, its secrets, and its limits.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { InvalidValue } from '../../lib/invalid-value.ts';
import type { RoleArn } from '../../workload/role-arn.ts';
import { foldTagKey } from '../../workload/tag-key.ts';
import { forwardsCaller, type IdentityTokenConfig, makeWorkload } from '../../workload/workload.ts';
import { key, named, section, some } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import { isWorkloadName, MAX_TAGS, parseTagKey } from '../names.ts';
import * as s from '../scalars.ts';
import { sessionPolicyFor } from '../secrets/session-policy.ts';
import { bearerFromFile, tokenFromEnv, tokenFromFile } from '../secrets/tokens.ts';
import type { WorkloadConfig } from '../types.ts';
import { forWorkload, identityToken, resolveIdentityToken } from './identity-token.ts';
import { sessionDuration, warnShort } from './session-duration.ts';

/** Up to so many are prefetched at start unless they say otherwise. */
const PREFETCHED = 64;
/** The id alone authenticates at `/v2/`, so by default only this machine may present it. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

export const workload = section({
  wallet: key(s.wallet, {
    doc: 'The wallet whose data it may touch. Mixed case must pass the EIP-55 checksum; credentials carry it in lower case.',
    required: 'the wallet whose data it may touch, "0x" and 40 hexadecimal digits',
    example: '"0x52908400098527886E0F7030069857D2E4169EE7"',
  }),
  token_file: key(s.path, {
    doc: 'The token that its SDK presents at the endpoint; generated if the file is missing.',
    example: 'tokens/scraper-a',
  }),
  token_env: key(s.variable, {
    doc: 'The variable that holds the token. Excludes `token_file`.',
    example: 'SCRAPER_TOKEN',
  }),
  token_mode: key(s.mode, {
    doc: 'The mode of a generated token file, for an app under another uid.',
    otherwise: '`"0600"`',
    example: '"0640"',
  }),
  token_group: key(s.integer(0, 4_294_967_294), {
    doc: 'The numeric group of a generated token file.',
    otherwise: "the process's own",
    example: '1000',
  }),
  bearer_file: key(s.path, { doc: 'The bearer that it presents at the broker.', example: 'bearers/scraper-a' }),
  relative_uri: key(
    section({
      id_file: key(s.path, {
        doc: 'The file with the secret id; generated if it is missing.',
        required: 'the file with the secret id, generated if it is not there',
        example: 'tokens/scraper-a.id',
      }),
      from: key(some(s.cidr), {
        doc: 'Source addresses that may ask.',
        default: LOOPBACK,
        example: '[169.254.170.0/24]',
      }),
    }),
    { doc: 'Also answers `/v2/credentials/<id>`, for clients that send no header.' },
  ),
  tags: key(named(s.tagValue), { doc: 'Further principal tags.', example: '{ team: ingest }' }),
  prefetch: key(s.flag, {
    doc: 'Fetches credentials at start, before anybody asks.',
    otherwise: `\`true\` for up to ${PREFETCHED} workloads that can ask at the endpoint`,
  }),
  role_arn: key(s.roleArn, { doc: 'Its own role.', otherwise: 'the one of the file' }),
  session_duration: key(sessionDuration, { doc: 'Its own session duration.', otherwise: 'the one of the file' }),
  session_policy_file: key(s.path, {
    doc: 'A policy with `${wallet}` in it, which is sent as the session policy.',
    example: 'policy.json',
  }),
  identity_token: key(identityToken, { doc: 'Its own source of the JWT.', otherwise: 'the one of the file' }),
  raw_jwt: key(s.flag, {
    doc: 'Permits a raw JWT at `mint-oidc-jwt` although it has a role or a session policy of its own.',
    default: 'false',
  }),
});

type WorkloadDraft = z.output<typeof workload>;
export type WorkloadDrafts = Readonly<Record<string, WorkloadDraft>>;

/** What the file says for all of them. */
export interface Defaults {
  readonly role: RoleArn | undefined;
  readonly sessionDuration: number;
  readonly identityToken: IdentityTokenConfig | undefined;
  readonly walletTag: string;
  readonly stsEndpoint: string;
  /** Workloads that a JWT at the endpoint may name. */
  readonly bySubject: ReadonlySet<string>;
}

/** @param at the key `workloads` */
export function* resolveWorkloads(
  at: LoadContext,
  drafts: WorkloadDrafts,
  defaults: Defaults,
): Generator<void, Map<string, WorkloadConfig>> {
  const workloads = new Map<string, WorkloadConfig>();
  const entries = Object.entries(drafts);
  for (const [name, draft] of entries) {
    yield;
    if (!isWorkloadName(name)) {
      at.at(name).keyError('a name has 1 to 64 letters, digits and "._-", and begins with a letter, a digit or "_"');
    }
    const resolved = resolveWorkload(at.at(name), name, draft, defaults, entries.length);
    if (resolved !== undefined) workloads.set(name, resolved);
  }
  return workloads;
}

function resolveWorkload(
  at: LoadContext,
  name: string,
  draft: WorkloadDraft,
  defaults: Defaults,
  count: number,
): WorkloadConfig | undefined {
  const tags = tagsOf(at.at('tags'), draft.tags ?? {}, defaults.walletTag);
  const token = tokenOf(at, draft);
  const bearer = draft.bearer_file && bearerFromFile(at.at('bearer_file'), draft.bearer_file);
  const relativeUri = relativeUriOf(at.at('relative_uri'), draft);
  const sessionPolicy = sessionPolicyOf(at.at('session_policy_file'), draft);
  warnShort(at.at('session_duration'), draft.session_duration);
  const source = draft.identity_token
    ? resolveIdentityToken(at.at('identity_token'), draft.identity_token, defaults.stsEndpoint)
    : defaults.identityToken;
  const forwards = source !== undefined && forwardsCaller(source);
  if (forwards) {
    refuseStatic(at, draft);
    refuseConfined(at, draft);
  }
  const role = draft.role_arn ?? defaults.role;
  if (draft.wallet === undefined || role === undefined || source === undefined) return undefined;

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
      identityToken: forWorkload(source, name),
      origin: 'configured',
    }),
    ...(token && { token }),
    ...(bearer && { bearer }),
    ...(relativeUri && { relativeUri }),
    prefetch: draft.prefetch ?? (count <= PREFETCHED && isAskedFor && !forwards),
    rawJwt: draft.raw_jwt,
  });
}

function tokenOf(at: LoadContext, draft: WorkloadDraft): WorkloadConfig['token'] {
  const fileAt = at.at('token_file');
  const envAt = at.at('token_env');
  if (fileAt.isWritten && envAt.isWritten) {
    envAt.error('token_file and token_env exclude each other; keep one');
    return undefined;
  }
  if (draft.token_env !== undefined) return tokenFromEnv(envAt, draft.token_env);
  if (draft.token_file === undefined) return undefined;
  return tokenFromFile(fileAt, draft.token_file, {
    what: 'the token file',
    mode: draft.token_mode,
    group: draft.token_group,
  });
}

function relativeUriOf(at: LoadContext, draft: WorkloadDraft): WorkloadConfig['relativeUri'] {
  if (draft.relative_uri?.id_file === undefined) return undefined;
  const { id_file: idFile, from } = draft.relative_uri;
  const token = tokenFromFile(at.at('id_file'), idFile, {
    what: 'the id file',
    charset: /^[A-Za-z0-9._~-]+$/,
    mode: draft.token_mode,
    group: draft.token_group,
  });
  return token && { id: token.value, idFile: token.file, from };
}

/** STS ignores the case of keys, so a second spelling of one would be a second value of the same tag. */
function tagsOf(at: LoadContext, tags: Record<string, string>, walletTag: string): Record<string, string> {
  const seen = new Map([[foldTagKey(walletTag), 'wallet_tag']]);
  for (const name of Object.keys(tags)) {
    const folded = foldTagKey(name);
    const first = seen.get(folded);
    const place = at.at(name);
    if (first === undefined) seen.set(folded, `"${name}"`);
    else place.keyError(`the same key as ${first}, since STS doesn't tell upper from lower case; choose another`);
    try {
      parseTagKey(name);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      place.keyError(error.message);
    }
  }
  if (seen.size > MAX_TAGS) at.error(`${seen.size} tags with the wallet's; STS takes ${MAX_TAGS}`);
  return tags;
}

function sessionPolicyOf(at: LoadContext, draft: WorkloadDraft): string | undefined {
  if (draft.session_policy_file === undefined) return undefined;
  const file = at.source(draft.session_policy_file);
  const template = at.readText(file, 'the session policy');
  if (template === undefined || draft.wallet === undefined) return undefined;
  const result = sessionPolicyFor(template, draft.wallet);
  if ('policy' in result) return result.policy;
  for (const problem of result.problems) at.error(`the session policy ${file}: ${problem}`);
  return undefined;
}

/** Where the caller's own JWT is forwarded, a static token leaves nothing to forward. */
function refuseStatic(at: LoadContext, draft: WorkloadDraft): void {
  const forwarded = 'identity_token.broker has bearer: caller';
  for (const name of ['token_file', 'token_env', 'relative_uri'] as const) {
    if (draft[name] === undefined) continue;
    at.at(name).error(`${forwarded}, which forwards the JWT of callers.jwt; a static token is none`);
  }
  if (draft.prefetch === true) {
    at.at('prefetch').error(`${forwarded}; before somebody asks there is nothing to forward`);
  }
}

/** The caller can show its JWT at the broker itself, and exchange what it gets there past a session policy or another role. */
function refuseConfined(at: LoadContext, draft: WorkloadDraft): void {
  if (draft.raw_jwt) return;
  for (const name of ['session_policy_file', 'role_arn'] as const) {
    if (!at.at(name).isWritten) continue;
    at.at(name).error(
      'confines nothing with identity_token.broker.bearer: caller, since the caller can show its JWT at the broker itself; use bearer_file, or say raw_jwt: true where it can’t reach the broker',
    );
  }
}
