/**
 * The trust policy: whether every workload's own token is taken, and no token without a wallet is.
 *
 * @module
 */

import { withoutTrailingSlashes } from '../../../lib/text/plain.ts';
import { type Concern, type Evaluation, evaluate, matchesAction, type PolicyRequest } from '../../iam/evaluate.ts';
import type { Statement } from '../../iam/policy.ts';
import { mayHold, webIdentityContext } from '../../iam/web-identity.ts';
import type { Plan, Provider, Session } from '../../plan.ts';
import { KEPT_SID } from '../../setup/policies-aws.ts';
import { type Finding, finding } from '../finding.ts';
import type { ReadPolicy } from '../policy/read.ts';
import { checkConditionKeys, whyRefused } from './trust-conditions.ts';

const EXCHANGE = 'sts:AssumeRoleWithWebIdentity';
const TAG_SESSION = 'sts:TagSession';

/** Stands in for workloads where the configuration has none: dynamic ones alone. */
const SAMPLE_WALLET = `0x${'0'.repeat(40)}`;

/** What of a session's token is asked about; without `session` a token without tags, of any subject. */
interface Token {
  readonly provider: Provider;
  readonly session?: Session;
  readonly audience?: string;
}

/** @param name what findings call the document */
export function checkTrust({ statements }: ReadPolicy, plan: Plan, name: string): Finding[] {
  if (statements.length === 0) return [];
  return [
    ...checkPrincipals(statements, plan),
    ...plan.providers.flatMap(provider => checkProvider(statements, plan, provider, name)),
    ...checkConditionKeys(statements, plan),
    ...(plan.dialect === 'ceph' ? checkNullOnCeph(statements, plan) : []),
  ];
}

/** Sessions whose tokens a provider signs. */
function sessionsOf(plan: Plan, { issuer, audience }: Provider): readonly Session[] {
  if (plan.sessions.length > 0) return plan.sessions.filter(s => s.issuer === issuer && s.audience === audience);
  const tags = { [plan.walletTag]: SAMPLE_WALLET };
  const [roleArn = ''] = plan.roles.map(role => role.arn);
  const session = { wallet: SAMPLE_WALLET, roleArn, issuer, audience, tags, policy: undefined };
  return [{ ...session, name: `${SAMPLE_WALLET}@sample`, subject: `agentkeys:agent:${SAMPLE_WALLET}` }];
}

function checkNullOnCeph(statements: readonly Statement[], plan: Plan): Finding[] {
  const tag = `aws:requesttag/${plan.walletTag}`.toLowerCase();
  return statements
    .filter(s => s.effect === 'Allow')
    .filter(s =>
      s.conditions.some(c => c.operator === 'Null' && c.key.toLowerCase() === tag && c.values[0] === 'false'),
    )
    .map(({ where }) => finding('trust-null-on-ceph', 'Null "false" stands in a trust policy for Ceph', where));
}

function checkPrincipals(statements: readonly Statement[], plan: Plan): Finding[] {
  const arns = new Set(plan.providers.map(p => p.arn));
  return statements
    .filter(s => s.effect === 'Allow')
    .flatMap(({ sid, principals, where }) =>
      (principals ?? []).flatMap(({ kind, value }) => {
        if (kind === 'Federated' && arns.has(value)) return [];
        // A whole account or everybody is more than a broker that is being replaced.
        if (sid === KEPT_SID && kind === 'AWS' && /:(user|role)\//.test(value))
          return [finding('trust-moving', `${value} may still become the role`, where)];
        if (kind !== 'Federated') {
          const who = kind === '*' ? 'anybody' : `${kind} ${value}`;
          return [finding('trust-two-principals', `${who} may become the role beside the OIDC provider`, where)];
        }
        const near = plan.providers.find(p => bare(value) === bare(p.arn));
        if (near !== undefined)
          return [finding('trust-provider', `${value} differs from ${near.arn} in scheme, case or slash`, where)];
        const what = `${value} is trusted too, and is no issuer of this configuration`;
        return [finding('trust-two-principals', what, where, { severity: 'warning' })];
      }),
    );
}

function bare(arn: string): string {
  return withoutTrailingSlashes(arn.toLowerCase().replace(/oidc-provider\/https?:\/\//, 'oidc-provider/'));
}

function checkProvider(statements: readonly Statement[], plan: Plan, provider: Provider, name: string): Finding[] {
  const named = statements.filter(
    s => s.effect === 'Allow' && s.principals?.some(p => p.kind === 'Federated' && p.value === provider.arn),
  );
  const exchanging = named.filter(s => matchesAction(s, EXCHANGE));
  const [first] = exchanging;
  if (first === undefined)
    return [finding('trust-provider', `no statement lets tokens of ${provider.issuer} become the role`, name)];
  const ask = (token: Omit<Token, 'provider'>, action = EXCHANGE) =>
    evaluate(statements, requestOf({ provider, ...token }, action));
  const sessions = sessionsOf(plan, provider);
  const taken = sessions.filter(session => isTaken(ask({ session }), session));
  const refused = sessions.find(session => !taken.includes(session));
  const out = sessions.every(session => tagOf(session, plan) !== undefined) ? untagged(ask({}), plan, name) : [];
  if (refused !== undefined) {
    const why = whyRefused(statements, exchanging, requestOf({ provider, session: refused }, EXCHANGE), refused);
    out.push(why ?? finding('trust-own-refused', `the token of ${refused.wallet} is refused`, name));
  }
  const allows = (session: Session) => isTaken(ask({ session }, TAG_SESSION), session);
  const tagging = taken.filter(session => Object.keys(session.tags).length > 0);
  if (!named.some(s => matchesAction(s, TAG_SESSION)))
    out.push(finding('trust-tag-session', 'sts:TagSession is missing', first.where));
  else
    for (const session of tagging.filter(s => !allows(s)).slice(0, 1))
      out.push(finding('trust-tag-session', `sts:TagSession is refused to the token of ${session.wallet}`, name));
  const [own] = tagging;
  if (own === undefined) return out;
  if (ask({ session: own, audience: 'another-audience.example' }).decision === 'allowed')
    out.push(finding('trust-audience-open', `no condition on ${provider.host}:aud`, first.where));
  const anyText = { ...own, tags: { ...own.tags, [plan.walletTag]: '*' } };
  if (ask({ session: anyText }).decision === 'allowed')
    out.push(finding('trust-wallet-form', `any text is taken for ${plan.walletTag}`, first.where));
  return out;

  /** An answer that hangs on the request's circumstances may be yes; one that AWS documents nowhere counts as no. */
  function isTaken({ decision }: Evaluation, session: Session): boolean {
    if (decision !== 'unknown') return decision === 'allowed';
    const { unknown, context } = requestOf({ provider, session }, EXCHANGE);
    const open = (key: string) => !context.has(key) && unknown?.(key) === true;
    return statements.some(s => s.conditions.some(c => open(c.key.toLowerCase())));
  }
}

function tagOf({ tags }: Session, { walletTag }: Plan): string | undefined {
  return Object.entries(tags).find(([key]) => key.toLowerCase() === walletTag.toLowerCase())?.[1];
}

function untagged({ decision, by }: Evaluation, plan: Plan, name: string): Finding[] {
  if (decision !== 'allowed' && decision !== 'unknown') return [];
  const guarded = by.find(s =>
    s.conditions.some(c => /^StringNot/.test(c.operator) && c.key.toLowerCase().startsWith('aws:requesttag/')),
  );
  if (guarded !== undefined)
    return [finding('trust-string-not-equals', 'StringNotEquals guards the tag', guarded.where)];
  return [finding('trust-untagged', `a token without the tag ${plan.walletTag} is taken`, by[0]?.where ?? name)];
}

function requestOf({ provider, session, audience }: Token, action: string): PolicyRequest {
  const context = webIdentityContext({
    host: provider.host,
    providerArn: provider.arn,
    audience: audience ?? provider.audience,
    subject: session?.subject,
    sessionName: session?.name,
    ...(session === undefined ? {} : { tags: session.tags }),
  });
  // Of a token without tags the subject and the session's name may be anything, a wallet's included.
  const open = session === undefined ? ['sts:rolesessionname', `${provider.host}:sub`.toLowerCase()] : [];
  const principal = (kind: string, value: string): Concern =>
    kind === '*' || value === '*' || (kind === 'Federated' && value === provider.arn) ? 'role' : undefined;
  return { action, context, principal, unknown: key => open.includes(key) || mayHold(key, provider.host) };
}
