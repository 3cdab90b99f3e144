/**
 * Whether a role's trust policy lets a web identity in: an explicit Deny wins, else one Allow is needed, for each action.
 *
 * @module
 */
import { compile, matches } from '../aws/iam/pattern.ts';
import { type Context, holds } from './conditions.ts';
import type { Statement, TrustPolicy } from './policy.ts';

export interface TrustRequest {
  /** The provider's ARN. */
  readonly federated: string;
  readonly context: Context;
}

export function allows(policy: TrustPolicy, action: string, request: TrustRequest): boolean {
  const applying = policy.statements.filter(statement => applies(statement, action, request, policy.variables));
  return applying.some(s => s.effect === 'Allow') && !applying.some(s => s.effect === 'Deny');
}

function applies(statement: Statement, action: string, request: TrustRequest, variables: boolean): boolean {
  // `*` comes from `Principal: "*"` alone: IAM takes no `Federated: "*"`.
  const named = statement.federated.some(id => id === '*' || id === request.federated);
  if (named === statement.notPrincipal) return false;
  const acted = statement.actions.some(pattern => {
    const compiled = compile(pattern, { wildcards: true });
    return compiled !== undefined && matches(compiled, action, { ignoreCase: true });
  });
  if (acted === statement.notActions) return false;
  return statement.conditions.every(condition => holds(condition, request.context, variables));
}

/** What a request says about itself, as a policy may ask for it. */
export interface RequestFacts {
  readonly prefix: string;
  readonly providerArn: string;
  readonly audience: string;
  readonly tokenAudiences: readonly string[];
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  readonly sessionName: string;
  readonly sourceIdentity: string | undefined;
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
}

/** The condition keys that IAM has for web identities; all names in lower case. */
export function contextOf(facts: RequestFacts): Context {
  const context = new Map<string, readonly string[]>();
  const set = (key: string, ...values: (string | undefined)[]) =>
    context.set(
      key.toLowerCase(),
      values.filter(value => value !== undefined),
    );
  const { amr, email } = facts.claims;
  set(`${facts.prefix}:aud`, facts.audience);
  set(`${facts.prefix}:oaud`, ...facts.tokenAudiences);
  set(`${facts.prefix}:sub`, facts.subject);
  if (Array.isArray(amr)) set(`${facts.prefix}:amr`, ...amr.filter(value => typeof value === 'string'));
  else if (typeof amr === 'string') set(`${facts.prefix}:amr`, amr);
  if (typeof email === 'string') set(`${facts.prefix}:email`, email);
  set('aws:FederatedProvider', facts.providerArn);
  set('sts:RoleSessionName', facts.sessionName);
  set('sts:SourceIdentity', facts.sourceIdentity);
  set('aws:SourceIp', facts.sourceIp);
  set('aws:UserAgent', facts.userAgent);
  for (const [key, value] of Object.entries(facts.tags)) set(`aws:RequestTag/${key}`, value);
  set('aws:TagKeys', ...Object.keys(facts.tags));
  set('sts:TransitiveTagKeys', ...facts.transitiveTagKeys);
  return context;
}
