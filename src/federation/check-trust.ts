/**
 * The trust policy: whether every workload's token is taken, and no token without a wallet is.
 *
 * @module
 */
import { subjectOf } from '../identity-token/claims.ts';
import { applies, evaluate, type PolicyRequest } from './evaluate.ts';
import { type Finding, finding } from './finding.ts';
import type { Plan, Provider } from './plan.ts';
import type { ReadPolicy, ReadStatement } from './read-policy.ts';

const EXCHANGE = 'sts:AssumeRoleWithWebIdentity';
const TAG_SESSION = 'sts:TagSession';

interface Token {
  readonly provider: Provider;
  readonly audience?: string;
  /** Absent: a token without tags. */
  readonly wallet?: string;
}

/** @param name what findings call the document */
export function checkTrust(policy: ReadPolicy, plan: Plan, name: string): Finding[] {
  const { statements } = policy;
  if (statements.length === 0) return [];
  const out: Finding[] = [];
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
  return arn
    .toLowerCase()
    .replace(/oidc-provider\/https?:\/\//, 'oidc-provider/')
    .replace(/\/+$/, '');
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
  if (!named.some(s => applies({ ...s, conditions: [] }, request(plan, { provider }, TAG_SESSION)))) {
    out.push(finding('trust-tag-session', 'sts:TagSession is missing', exchanging[0]?.where ?? name));
  }
  const ask = (token: Omit<Token, 'provider'>) => evaluate(statements, request(plan, { provider, ...token }, EXCHANGE));
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
  const wallets = plan.wallets.length > 0 ? plan.wallets : [`0x${'0'.repeat(40)}`];
  for (const wallet of wallets) {
    if (ask({ wallet }).decision === 'allowed') continue;
    out.push(whyRefused(exchanging, plan, { provider, wallet }, name));
    break;
  }
  const own = wallets.find(wallet => ask({ wallet }).decision === 'allowed');
  if (own !== undefined && ask({ wallet: own, audience: 'another-audience.example' }).decision === 'allowed') {
    out.push(finding('trust-audience-open', `no condition on ${provider.host}:aud`, exchanging[0]?.where ?? name));
  }
  if (own !== undefined && ask({ wallet: '*' }).decision === 'allowed') {
    out.push(finding('trust-wallet-form', `any text is taken for ${plan.walletTag}`, exchanging[0]?.where ?? name));
  }
  return out;
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
    const mixed = condition.values.some(v => v !== v.toLowerCase() && v.toLowerCase().includes(token.wallet ?? ' '));
    if (mixed) return finding('wallet-case', `${condition.key} holds the wallet in mixed case`, statement.where);
    const what = `${condition.operator} on ${condition.key} refuses the token of ${token.wallet}`;
    return finding('trust-own-refused', what, statement.where);
  }
  return finding('trust-own-refused', `the token of ${token.wallet} is refused, by a Deny or by the action`, name);
}

/** `<issuer>:aud` under another issuer's name is never met. */
function checkConditionKeys(statements: readonly ReadStatement[], plan: Plan): Finding[] {
  const hosts = new Set(plan.providers.map(p => p.host.toLowerCase()));
  return statements.flatMap(statement =>
    statement.conditions.flatMap(({ key }) => {
      const [, host = ''] = /^(.*):(?:aud|sub|amr|azp|iss)$/i.exec(key) ?? [];
      if (host === '' || hosts.has(host.toLowerCase())) return [];
      const near = plan.providers.find(
        p =>
          host
            .replace(/^https?:\/\//, '')
            .replace(/\/+$/, '')
            .toLowerCase() === p.host.toLowerCase(),
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
  const { provider, wallet } = token;
  const context = new Map<string, readonly string[]>([
    [`${provider.host}:aud`.toLowerCase(), [token.audience ?? provider.audience]],
    [`${provider.host}:sub`.toLowerCase(), [wallet === undefined ? 'somebody' : subjectOf(wallet)]],
    ['sts:rolesessionname', [wallet === undefined ? 'session' : `${wallet}@workload`]],
  ]);
  if (wallet !== undefined) {
    context.set(`aws:requesttag/${plan.walletTag}`.toLowerCase(), [wallet]);
    context.set('aws:tagkeys', [plan.walletTag]);
  }
  return {
    action,
    context,
    principal: (kind, value) => kind === '*' || (kind === 'Federated' && value === provider.arn),
  };
}
