/**
 * The trust policy: whether every workload's token is taken, and no token without a wallet is.
 *
 * @module
 */

import { subjectOf } from '../../../identity-token/claims.ts';
import { withoutTrailingSlashes } from '../../../lib/text/plain.ts';
import type { Plan, Provider, Session } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';
import { applies, type Evaluation, evaluate, type PolicyRequest } from '../policy/evaluate.ts';
import type { ReadPolicy, ReadStatement } from '../policy/read.ts';
import { formOf } from './grants.ts';

const EXCHANGE = 'sts:AssumeRoleWithWebIdentity';
const TAG_SESSION = 'sts:TagSession';

interface Token {
  readonly provider: Provider;
  readonly audience?: string;
  /** Absent: a token without tags. */
  readonly session?: Session;
}

/** @param name what findings call the document */
export function checkTrust(policy: ReadPolicy, plan: Plan, name: string): Finding[] {
  const { statements } = policy;
  if (statements.length === 0) return [];
  const out: Finding[] = statements.flatMap(s => formOf(s, 'trust'));
  out.push(...checkPrincipals(statements, plan));
  for (const provider of plan.providers) out.push(...checkProvider(statements, plan, provider, name));
  out.push(...checkConditionKeys(statements, plan));
  for (const statement of statements.filter(s => s.effect === 'Allow')) {
    const tag = `aws:requesttag/${plan.walletTag}`.toLowerCase();
    const nulls = statement.conditions.some(
      c => c.operator === 'Null' && c.key.toLowerCase() === tag && c.values.includes('false'),
    );
    if (nulls && plan.dialect === 'ceph') {
      out.push(finding('trust-null-on-ceph', 'Null "false" stands in a trust policy for Ceph', statement.where));
    }
  }
  return out;
}

function checkPrincipals(statements: readonly ReadStatement[], plan: Plan): Finding[] {
  const providers = new Set(plan.providers.map(p => p.arn));
  return statements
    .filter(s => s.effect === 'Allow')
    .flatMap(statement =>
      (statement.principals ?? []).flatMap(({ kind, value }) => {
        if (kind === 'Federated' && providers.has(value)) return [];
        if (kind === 'Federated') {
          const near = plan.providers.find(p => bare(value) === bare(p.arn));
          if (near !== undefined) {
            return [
              finding('trust-provider', `${value} differs from ${near.arn} in scheme, case or slash`, statement.where),
            ];
          }
          const what = `${value} is trusted too, and is no issuer of this configuration`;
          return [finding('trust-two-principals', what, statement.where, { severity: 'warning' })];
        }
        const what = `${kind === '*' ? 'anybody' : `${kind} ${value}`} may become the role beside the OIDC provider`;
        return [finding('trust-two-principals', what, statement.where)];
      }),
    );
}

function bare(arn: string): string {
  return withoutTrailingSlashes(arn.toLowerCase().replace(/oidc-provider\/https?:\/\//, 'oidc-provider/'));
}

function checkProvider(statements: readonly ReadStatement[], plan: Plan, provider: Provider, name: string): Finding[] {
  const named = statements.filter(
    s => s.effect === 'Allow' && s.principals?.some(p => p.kind === 'Federated' && p.value === provider.arn),
  );
  const exchanging = named.filter(s => applies({ ...s, conditions: [] }, request(plan, { provider }, EXCHANGE)));
  if (exchanging.length === 0) {
    return [finding('trust-provider', `no statement lets tokens of ${provider.issuer} become the role`, name)];
  }
  const out: Finding[] = [];
  const ask = (token: Omit<Token, 'provider'>, action = EXCHANGE) =>
    evaluate(statements, request(plan, { provider, ...token }, action));
  const untagged = ask({});
  if (untagged.decision === 'allowed') {
    const guarded = untagged.by.find(s =>
      s.conditions.some(c => /^StringNot/.test(c.operator) && c.key.toLowerCase().startsWith('aws:requesttag/')),
    );
    out.push(
      guarded === undefined
        ? finding('trust-untagged', `a token without the tag ${plan.walletTag} is taken`, untagged.by[0]?.where ?? name)
        : finding('trust-string-not-equals', 'StringNotEquals guards the tag', guarded.where),
    );
  }
  const sessions = plan.sessions.length > 0 ? plan.sessions : [{ wallet: `0x${'0'.repeat(40)}`, tags: {} }];
  const refused = sessions.find(session => ask({ session }).decision !== 'allowed');
  if (refused !== undefined) out.push(whyRefused(exchanging, plan, { provider, session: refused }, name));
  const taken = sessions.filter(session => ask({ session }).decision === 'allowed');
  out.push(...checkTagSession(named, exchanging, taken, name, plan, provider, ask));
  const [own] = taken;
  if (own !== undefined && ask({ session: own, audience: 'another-audience.example' }).decision === 'allowed') {
    out.push(finding('trust-audience-open', `no condition on ${provider.host}:aud`, exchanging[0]?.where ?? name));
  }
  if (own !== undefined && ask({ session: { ...own, wallet: '*' } }).decision === 'allowed') {
    out.push(finding('trust-wallet-form', `any text is taken for ${plan.walletTag}`, exchanging[0]?.where ?? name));
  }
  return out;
}

/** The second action that a token with tags needs, under the same conditions. */
function checkTagSession(
  named: readonly ReadStatement[],
  exchanging: readonly ReadStatement[],
  taken: readonly Session[],
  name: string,
  plan: Plan,
  provider: Provider,
  ask: (token: Omit<Token, 'provider'>, action: string) => Evaluation,
): Finding[] {
  if (!named.some(s => applies({ ...s, conditions: [] }, request(plan, { provider }, TAG_SESSION)))) {
    return [finding('trust-tag-session', 'sts:TagSession is missing', exchanging[0]?.where ?? name)];
  }
  for (const session of taken) {
    const { decision, by } = ask({ session }, TAG_SESSION);
    if (decision === 'allowed') continue;
    const what =
      decision === 'denied'
        ? `sts:TagSession is denied to the token of ${session.wallet}`
        : `the conditions do not allow sts:TagSession to the token of ${session.wallet}`;
    return [finding('trust-tag-session', what, by[0]?.where ?? name)];
  }
  return [];
}

/** The condition in the way, as precisely as it can be named. */
function whyRefused(statements: readonly ReadStatement[], plan: Plan, token: Token, name: string): Finding {
  const context = request(plan, token, EXCHANGE);
  for (const statement of statements) {
    const failing = statement.conditions.filter(c => !applies({ ...statement, conditions: [c] }, context));
    const [condition] = failing;
    if (condition === undefined) continue;
    if (condition.key.toLowerCase() === `${token.provider.host}:aud`.toLowerCase()) {
      const what = `the audience must be ${condition.values.join(' or ')}, and the tokens are made for ${token.provider.audience}`;
      return finding('trust-audience', what, statement.where);
    }
    const mixed = condition.values.some(
      v => v !== v.toLowerCase() && v.toLowerCase().includes(token.session?.wallet ?? ' '),
    );
    if (mixed) return finding('wallet-case', `${condition.key} holds the wallet in mixed case`, statement.where);
    const what = `${condition.operator} on ${condition.key} refuses the token of ${token.session?.wallet}`;
    return finding('trust-own-refused', what, statement.where);
  }
  return finding(
    'trust-own-refused',
    `the token of ${token.session?.wallet} is refused, by a Deny or by the action`,
    name,
  );
}

/** `<issuer>:aud` under another issuer's name is never met. */
function checkConditionKeys(statements: readonly ReadStatement[], plan: Plan): Finding[] {
  const hosts = new Set(plan.providers.map(p => p.host.toLowerCase()));
  return statements.flatMap(statement =>
    statement.conditions.flatMap(({ key }) => {
      const [, host = ''] = /^(.*):(?:aud|sub|amr|azp|iss)$/i.exec(key) ?? [];
      if (host === '' || hosts.has(host.toLowerCase())) return [];
      const near = plan.providers.find(
        p => withoutTrailingSlashes(host.replace(/^https?:\/\//, '')).toLowerCase() === p.host.toLowerCase(),
      );
      const mend = near === undefined ? undefined : `Write it ${JSON.stringify(`${near.host}:aud`)}.`;
      return [
        finding(
          'trust-condition-key',
          `${JSON.stringify(key)} names no issuer of this configuration`,
          statement.where,
          mend === undefined ? {} : { mend },
        ),
      ];
    }),
  );
}

function request(plan: Plan, token: Token, action: string): PolicyRequest {
  const { provider, session } = token;
  const subject = `${provider.host}:sub`.toLowerCase();
  const context = new Map<string, readonly string[]>([
    [`${provider.host}:aud`.toLowerCase(), [token.audience ?? provider.audience]],
  ]);
  if (session !== undefined) {
    context.set(subject, [subjectOf(session.wallet)]);
    context.set('sts:rolesessionname', [`${session.wallet}@workload`]);
    const tags = { ...session.tags, [plan.walletTag]: session.wallet };
    for (const [tag, value] of Object.entries(tags)) context.set(`aws:requesttag/${tag}`.toLowerCase(), [value]);
    context.set('aws:tagkeys', Object.keys(tags));
  }
  // Of a token without tags the subject and the session's name may be anything, a wallet's included.
  const known = /^(aws:(requesttag\/.*|tagkeys)|sts:rolesessionname)$/;
  return {
    action,
    context,
    unknown: key =>
      session === undefined && (key === subject || key === 'sts:rolesessionname')
        ? true
        : /^(aws|s3|sts):/.test(key) && !known.test(key),
    principal: (kind, value) => kind === '*' || (kind === 'Federated' && value === provider.arn),
  };
}
