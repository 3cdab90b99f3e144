/**
 * From the draft to the configuration: files are read, and the rules that concern several places are checked.
 *
 * @module
 */
import type { LoadContext } from './load-context.ts';
import type { Draft } from './schema.ts';
import { resolveAdmin } from './sections/admin.ts';
import { resolveAudit } from './sections/audit.ts';
import { resolveBroker } from './sections/broker.ts';
import { resolveCallers } from './sections/callers.ts';
import { resolveEndpoint } from './sections/endpoint.ts';
import { checkSources, resolveIdentityToken } from './sections/identity-token.ts';
import { checkDistinct } from './sections/listener.ts';
import { checkNodeAgent } from './sections/node-agent.ts';
import { warnShort } from './sections/session-duration.ts';
import { resolveSts } from './sections/sts.ts';
import { resolveWorkloads, type WorkloadDrafts } from './sections/workloads.ts';
import type { CallersConfig, Config } from './types.ts';
import { checkWritable } from './writable.ts';

/** @returns undefined where the findings leave no whole configuration; `yield`s where it may pause */
export function* resolveConfig(
  at: LoadContext,
  draft: Draft,
  file: string | null,
): Generator<void, Config | undefined> {
  const { issues, stateDir, keyFolders, sources, only } = at.load;
  const { region, role_arn: role, wallet_tag: walletTag, session_duration: sessionDuration } = draft;
  at.at('state_dir').checkFolder(stateDir);
  warnShort(at.at('session_duration'), sessionDuration);

  const sts = resolveSts(at, draft.sts, region);
  const identityAt = at.at('identity_token');
  const identityToken = draft.identity_token && resolveIdentityToken(identityAt, draft.identity_token, sts.endpoint);
  const drafts: WorkloadDrafts = draft.workloads ?? {};
  const callers = yield* resolveCallers(at.at('callers'), draft.callers, Object.keys(drafts));
  const endpoint = resolveEndpoint(at.at('endpoint'), draft.endpoint);
  const broker = resolveBroker(at.at('broker'), draft.broker);
  const admin = resolveAdmin(at.at('admin'), draft.admin);
  checkDistinct(at, { endpoint, broker, admin });

  const workloadsAt = at.at('workloads');
  const workloads = yield* resolveWorkloads(workloadsAt, drafts, {
    role,
    sessionDuration,
    identityToken,
    walletTag,
    stsEndpoint: sts.endpoint,
    bySubject: subjectsAtEndpoint(callers),
  });
  yield* checkSources(workloads, name =>
    drafts[name]?.identity_token ? workloadsAt.at(name, 'identity_token') : identityAt,
  );
  warnUnreachable(workloadsAt, drafts, callers);
  checkRole(at, drafts, callers);
  checkBroker(at, draft);
  checkForwarding(at, draft, callers);
  checkNodeAgent(at, draft.callers, endpoint);
  const audit = resolveAudit(at, draft.audit);
  if (only === undefined && callers.jwt.some(({ jwks }) => jwks.file === undefined)) {
    checkWritable(at.at('state_dir'), stateDir, 'copies of JWKS');
  }
  if (issues.any || region === undefined || identityToken === undefined || audit === undefined) return undefined;
  return {
    file,
    stateDir,
    region,
    walletTag,
    endpoint,
    defaults: { role, sessionDuration, identityToken },
    workloads,
    callers,
    ...(at.load.proxied.proxy && { egressProxy: at.load.proxied.proxy }),
    sts,
    ...(broker && { broker }),
    admin,
    audit,
    keyFolders,
    sources,
    warnings: issues.warnings,
  };
}

function subjectsAtEndpoint(callers: CallersConfig): Set<string> {
  const entries = callers.jwt.filter(({ listeners }) => listeners.includes('endpoint'));
  return new Set(entries.flatMap(({ subjects }) => Object.values(subjects ?? {})));
}

/** A workload that nobody can authenticate as is one for `exec` and `credentials` alone, or a slip. */
function warnUnreachable(at: LoadContext, drafts: WorkloadDrafts, callers: CallersConfig): void {
  const named = new Set(callers.jwt.flatMap(({ subjects }) => Object.values(subjects ?? {})));
  for (const [name, { token_file, token_env, relative_uri, bearer_file }] of Object.entries(drafts)) {
    if (named.has(name) || (token_file ?? token_env ?? relative_uri ?? bearer_file) !== undefined) continue;
    at.at(name).warn('nobody can ask for it at a listener: give it a token_file, or name it under callers');
  }
}

/** A role for each workload, and one for callers that are known by their wallet alone. */
function checkRole(at: LoadContext, drafts: WorkloadDrafts, callers: CallersConfig): void {
  const without = Object.keys(drafts).find(name => !at.at('workloads', name, 'role_arn').isWritten);
  const role = at.at('role_arn');
  if (without !== undefined) role.missing(`missing; workloads.${without} has none of its own`);
  else if (callers.sessionBackend !== undefined || callers.jwt.some(({ walletClaim }) => walletClaim !== undefined)) {
    role.missing('missing; callers that are known by their wallet alone get this role');
  }
}

function checkBroker(at: LoadContext, draft: Draft): void {
  if (draft.broker === undefined || draft.identity_token === undefined) return;
  if (at.at('identity_token', 'signer').isWritten) return;
  at.at('broker').error('a broker signs the tokens it mints; it needs identity_token.signer');
}

/** How the identity token and the callers fit together. */
function checkForwarding(at: LoadContext, draft: Draft, callers: CallersConfig): void {
  const { broker, file } = draft.identity_token ?? {};
  const place = at.at('identity_token');
  const atEndpoint = callers.jwt.filter(({ listeners }) => listeners.includes('endpoint'));
  if (broker?.bearer === 'caller' && atEndpoint.length === 0) {
    place
      .at('broker', 'bearer')
      .error('forwards the JWT that a caller presented; it needs an entry of callers.jwt with listeners: [endpoint]');
  }
  const byWallet =
    atEndpoint.some(({ walletClaim }) => walletClaim !== undefined) ||
    callers.sessionBackend?.listeners.includes('endpoint');
  const shared = broker?.bearer_file !== undefined ? ['broker', 'bearer_file'] : file && ['file'];
  if (byWallet && shared !== undefined) {
    place
      .at(...shared)
      .error('one token for every wallet that callers may bring; use signer, or broker with bearer: caller');
  }
}
