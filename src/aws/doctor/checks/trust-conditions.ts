/**
 * The conditions of a trust policy: which one stands in a token's way, and which names a key that the token never brings.
 *
 * @module
 */

import { withoutTrailingSlashes } from '../../../lib/text/plain.ts';
import { applies, holds, matchesAction, type PolicyRequest } from '../../iam/evaluate.ts';
import type { Condition, Statement } from '../../iam/policy.ts';
import type { Plan, Session } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';

/**
 * @param exchanging the Allows that could take the token
 * @returns undefined where no single condition can be named
 */
export function whyRefused(
  statements: readonly Statement[],
  exchanging: readonly Statement[],
  request: PolicyRequest,
  session: Session,
): Finding | undefined {
  const denying = statements.find(s => s.effect === 'Deny' && applies(s, request) === true);
  if (denying !== undefined) {
    const keys = denying.conditions.map(c => `${spelled(c)} on ${c.key}`).join(' and ');
    const what = `it denies the token of ${session.wallet}${keys === '' ? '' : `: ${keys} is met`}`;
    return finding('trust-own-refused', what, denying.where);
  }
  for (const statement of exchanging) {
    const failing = statement.conditions.find(c => holds(c, statement, request) !== true);
    if (failing !== undefined) return conditionFinding(failing, statement.where, request, session);
  }
  return undefined;
}

function conditionFinding(condition: Condition, where: string, request: PolicyRequest, session: Session): Finding {
  const { key, values } = condition;
  const present = request.context.get(key.toLowerCase());
  if (key.toLowerCase().endsWith(':aud') && present !== undefined) {
    const what = `the audience must be ${values.join(' or ')}, and the tokens are made for ${present[0]}`;
    return finding('trust-audience', what, where);
  }
  const mixed = values.some(v => v !== v.toLowerCase() && v.toLowerCase().includes(session.wallet));
  if (mixed) return finding('wallet-case', `${key} holds the wallet in mixed case`, where);
  const never = present === undefined ? ' is never met: a web identity has no such key, so it' : '';
  return finding(
    'trust-own-refused',
    `${spelled(condition)} on ${key}${never} refuses the token of ${session.wallet}`,
    where,
  );
}

function spelled({ set, operator, ifExists }: Condition): string {
  return `${set === undefined ? '' : `${set}:`}${operator}${ifExists ? 'IfExists' : ''}`;
}

/** `<issuer>:aud` under another issuer's name is never met. Each statement needs the keys of its own principal. */
export function checkConditionKeys(statements: readonly Statement[], plan: Plan): Finding[] {
  return statements.flatMap(statement => {
    const federated = (statement.principals ?? []).flatMap(({ kind, value }) => (kind === 'Federated' ? [value] : []));
    const own = federated.map(hostOf);
    const hosts = new Set([...own, ...plan.providers.map(p => p.host.toLowerCase())]);
    return statement.conditions.flatMap(({ key }) => {
      const [, host = ''] = /^(.*):(?:aud|sub|amr|azp|iss)$/i.exec(key) ?? [];
      if (host === '' || hosts.has(host.toLowerCase()) || !matchesAction(statement, 'sts:AssumeRoleWithWebIdentity'))
        return [];
      const near = plan.providers.find(p => bareHost(host) === bareHost(p.host));
      const fix = near === undefined ? {} : { fix: `Write it ${JSON.stringify(`${near.host}:aud`)}.` };
      return [
        finding(
          'trust-condition-key',
          `${JSON.stringify(key)} names no issuer of this statement`,
          statement.where,
          fix,
        ),
      ];
    });
  });
}

/** The issuer without scheme in a provider's ARN; the domain of one that IAM knows. */
function hostOf(principal: string): string {
  return principal.replace(/^arn:[^:]*:iam::\d*:oidc-provider\//, '').toLowerCase();
}

function bareHost(host: string): string {
  return withoutTrailingSlashes(host.toLowerCase().replace(/^https?:\/\//, ''));
}
