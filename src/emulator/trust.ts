/**
 * A role's trust policy, read once and strictly: what IAM would refuse, and a condition key that nothing here knows, is an
 * error at start and never a condition that silently holds.
 *
 * @module
 */
import { type Concern, type Context, evaluate } from '../aws/iam/evaluate.ts';
import { parsePolicy, refusals } from '../aws/iam/parse.ts';
import { variablesIn } from '../aws/iam/pattern.ts';
import type { Statement } from '../aws/iam/policy.ts';
import { isKnownKey } from '../aws/iam/web-identity.ts';

/** The document, as IAM takes it. */
export type PolicyDocument = string | Readonly<Record<string, unknown>>;

export type TrustPolicy = readonly Statement[];

/** @throws TypeError that names the place and what is wrong */
export function parseTrustPolicy(document: PolicyDocument, where: string): TrustPolicy {
  const policy = parsePolicy(document, 'trust', where);
  const [refused] = refusals(policy);
  if (refused !== undefined) {
    const { what, key, fix } = refused;
    throw new TypeError(
      [`${refused.where}${key === undefined ? '' : `: ${key}`}: ${what}`, fix].filter(Boolean).join('. '),
    );
  }
  for (const statement of policy.statements) {
    for (const { key, values } of statement.conditions) {
      const named = [key, ...(statement.variables ? values.flatMap(variablesIn) : [])];
      const unknown = named.find(name => !isKnownKey(name.toLowerCase()));
      if (unknown !== undefined)
        throw new TypeError(`${statement.where}: ${unknown}: a condition key that neither STS nor this emulator knows`);
    }
  }
  return policy.statements;
}

export interface TrustRequest {
  readonly context: Context;
  /** How a principal in the policy matches the caller. */
  readonly principal: (kind: string, value: string) => Concern;
}

/** An answer that AWS documents nowhere (a variable without a value in a negated condition) is a refusal here. */
export function allows(policy: TrustPolicy, action: string, request: TrustRequest): boolean {
  return evaluate(policy, { action, ...request }).decision === 'allowed';
}

/** The principals that match a token of the provider. */
export function isProvider(providerArn: string): TrustRequest['principal'] {
  return (kind, value) =>
    kind === '*' || value === '*' || (kind === 'Federated' && value === providerArn) ? 'role' : undefined;
}
