/**
 * From the draft to the configuration: defaults filled in, files read, and the rules that look at several places.
 *
 * @module
 */
import { resolve } from 'node:path';
import { type Building, checkFolder, TokenRegistry } from './building.ts';
import type { Draft } from './schema.ts';
import { callersFrom } from './sections/callers.ts';
import { checkSources, identityTokenFrom } from './sections/identity-token.ts';
import { adminFrom, brokerFrom, checkDistinct, endpointFrom } from './sections/listeners.ts';
import { checkNodeAgent } from './sections/node-agent.ts';
import { auditFrom, checkWritable, stsFrom } from './sections/upstream.ts';
import { warnShort, workloadsFrom } from './sections/workloads.ts';
import type { CallersConfig, Config } from './types.ts';

const WALLET_TAG = 'agentkeys_user_wallet';
const SESSION_DURATION = 3_600;

/** @returns undefined where the findings leave no whole configuration */
export function* build(
  start: Omit<Building, 'stateDir' | 'tokens' | 'folders' | 'keyFolders'>,
  draft: Draft,
  file: string | null,
): Generator<void, Config | undefined> {
  const stateDir = resolve(start.baseDir, draft.state_dir ?? '.');
  const building: Building = {
    ...start,
    stateDir,
    tokens: new TokenRegistry(),
    folders: new Map(),
    keyFolders: new Map(),
  };
  const { problems } = building;
  checkFolder(building, ['state_dir'], stateDir);
  problems.missing(['region'], 'missing; the region whose STS is asked, such as us-east-1');
  problems.missing(['identity_token'], 'missing; say where the JWT for STS comes from: one of signer, broker and file');
  warnShort(building, [], draft.session_duration);

  const sts = stsFrom(building, draft.sts, draft.region ?? 'us-east-1');
  const identityToken =
    draft.identity_token && identityTokenFrom(building, ['identity_token'], draft.identity_token, sts.endpoint);
  const drafts = draft.workloads ?? {};
  const callers = yield* callersFrom(building, draft.callers, Object.keys(drafts));
  const endpoint = endpointFrom(building, draft.endpoint);
  const broker = brokerFrom(building, draft.broker);
  const admin = adminFrom(building, draft.admin);
  checkDistinct(building, { endpoint, broker, admin });

  const sessionDuration = draft.session_duration ?? SESSION_DURATION;
  const walletTag = draft.wallet_tag ?? WALLET_TAG;
  const workloads = yield* workloadsFrom(building, drafts, {
    role: draft.role_arn,
    sessionDuration,
    identityToken,
    walletTag,
    stsEndpoint: sts.endpoint,
    bySubject: subjectsAtEndpoint(callers),
  });
  yield* checkSources(building, workloads, name =>
    drafts[name]?.identity_token ? ['workloads', name, 'identity_token'] : ['identity_token'],
  );
  warnUnasked(building, drafts, callers);
  checkRole(building, draft);
  checkFit(building, draft, callers);
  checkNodeAgent(building, draft, endpoint);
  const audit = auditFrom(building, draft.audit);
  if (building.only === undefined && callers.jwt.some(({ jwks }) => jwks.file === undefined)) {
    checkWritable(building, ['state_dir'], stateDir, 'copies of JWKS');
  }
  if (problems.any || draft.region === undefined || identityToken === undefined || audit === undefined)
    return undefined;
  return {
    file,
    stateDir,
    region: draft.region,
    walletTag,
    endpoint,
    defaults: { role: draft.role_arn, sessionDuration, identityToken },
    workloads,
    callers,
    sts,
    ...(broker && { broker }),
    admin,
    audit,
    keyFolders: building.keyFolders,
    sources: building.sources,
    warnings: problems.warnings,
  };
}

function subjectsAtEndpoint(callers: CallersConfig): Set<string> {
  const entries = callers.jwt.filter(({ listeners }) => listeners.includes('endpoint'));
  return new Set(entries.flatMap(({ subjects }) => Object.values(subjects ?? {})));
}

/** A workload without any proof is one for `exec` and `credentials` alone, or a slip. */
function warnUnasked({ problems }: Building, drafts: NonNullable<Draft['workloads']>, callers: CallersConfig): void {
  const named = new Set(callers.jwt.flatMap(({ subjects }) => Object.values(subjects ?? {})));
  for (const [name, { token_file, token_env, relative_uri, bearer_file }] of Object.entries(drafts)) {
    if (named.has(name) || [token_file, token_env, relative_uri, bearer_file].some(proof => proof !== undefined))
      continue;
    const mend = 'give it a token_file, or name it under callers';
    problems.warn(['workloads', name], `nobody can ask for it at a listener: ${mend}`);
  }
}

/** A role for each workload, and one for those that are known by their wallet alone. */
function checkRole(building: Building, draft: Draft): void {
  const { problems } = building;
  const bare = Object.keys(draft.workloads ?? {}).find(name => !problems.isWritten(['workloads', name, 'role_arn']));
  if (bare !== undefined) problems.missing(['role_arn'], `missing; workloads.${bare} has none of its own`);
  const byWallet =
    draft.callers?.session_backend ?? draft.callers?.jwt?.find(entry => entry.wallet_claim !== undefined);
  if (bare === undefined && byWallet !== undefined) {
    problems.missing(['role_arn'], 'missing; callers that are known by their wallet alone get this role');
  }
}

/** What a part of the configuration needs of another. */
function checkFit(building: Building, draft: Draft, callers: CallersConfig): void {
  const { problems } = building;
  const identity = draft.identity_token;
  if (draft.broker !== undefined && identity !== undefined && !problems.isWritten(['identity_token', 'signer'])) {
    problems.add(['broker'], 'a broker signs the tokens it mints; it needs identity_token.signer');
  }
  const atEndpoint = callers.jwt.some(({ listeners }) => listeners.includes('endpoint'));
  if (identity?.broker?.bearer === 'caller' && !atEndpoint) {
    problems.add(
      ['identity_token', 'broker', 'bearer'],
      'forwards the JWT that a caller showed; it needs an entry of callers.jwt with listeners: [endpoint]',
    );
  }
  const byWallet =
    callers.jwt.some(({ listeners, walletClaim }) => walletClaim !== undefined && listeners.includes('endpoint')) ||
    callers.sessionBackend?.listeners.includes('endpoint');
  const shared =
    identity?.broker?.bearer_file !== undefined ? ['broker', 'bearer_file'] : identity?.file ? ['file'] : undefined;
  if (byWallet && shared !== undefined) {
    problems.add(
      ['identity_token', ...shared],
      'one token for every wallet that callers may bring; use signer, or broker with bearer: caller',
    );
  }
}
