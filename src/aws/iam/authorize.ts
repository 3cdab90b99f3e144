/**
 * Several policies together: an identity's own, those that narrow it, and the resource's.
 *
 * A Deny in any of them wins. Within one account an Allow of the resource's policy is enough. Where it names the session
 * and not the role, the narrowing policies don't narrow it.
 *
 * @module
 */
import { decide, type Evaluation, every, type PolicyRequest, some, survey } from './evaluate.ts';
import type { Statement } from './policy.ts';

export interface Policies {
  /** All of the identity's own. */
  readonly identity: readonly Statement[];
  /** Session policy and permissions boundary: each must allow, too. */
  readonly narrowing?: readonly (readonly Statement[])[];
  readonly resource?: readonly Statement[];
}

/** @param request its `principal` is asked of the resource's policy alone */
export function authorize(policies: Policies, request: PolicyRequest): Evaluation {
  const { principal, ...own } = request;
  const sessionOnly: PolicyRequest = {
    ...own,
    principal: (kind, value) => {
      const concern = principal?.(kind, value);
      return concern === 'role' ? undefined : concern;
    },
  };
  const resource = policies.resource ?? [];
  const identity = survey(policies.identity, own);
  const narrowing = (policies.narrowing ?? []).map(statements => survey(statements, own));
  const byRole = survey(resource, request);
  const bySession = survey(resource, sessionOnly);
  const narrowed = every(narrowing.map(({ allow }) => allow));
  const allow = some([every([some([identity.allow, byRole.allow]), narrowed]), bySession.allow]);
  const deny = some([identity, byRole, ...narrowing].map(s => s.deny));
  const denying = [identity, byRole, ...narrowing].flatMap(s => s.denying);
  return decide({ allow, deny, denying, allowing: [...identity.allowing, ...byRole.allowing] });
}
