/**
 * What a role's sessions reach beyond their own folder, statement by statement.
 *
 * @module
 */
import { authorize } from '../iam/authorize.ts';
import { evaluate, matchesAction, type PolicyRequest } from '../iam/evaluate.ts';
import type { Statement } from '../iam/policy.ts';
import type { Question } from './questions.ts';

/** The policies that decide on one session. */
export interface Grants {
  readonly role: readonly Statement[];
  readonly bucket: readonly Statement[];
  readonly narrowing: readonly (readonly Statement[])[];
}

/** The gravest that one statement lets happen. */
export interface Reached {
  readonly says: string;
  readonly grave: boolean;
  /** Only a Deny elsewhere prevents it. */
  readonly denied: boolean;
  /** Every action that it opens so. */
  readonly actions: Set<string>;
}

/** Adds to `found` what the questions find. */
export function collect(found: Map<Statement, Reached>, grants: Grants, questions: Iterable<Question>): void {
  const { role, bucket, narrowing } = grants;
  const allows = [...role, ...bucket].filter(s => s.effect === 'Allow');
  const spoken = new Map<string, boolean>();
  for (const { says, request, grave } of questions) {
    if (!spoken.has(request.action))
      spoken.set(
        request.action,
        allows.some(s => matchesAction(s, request.action)),
      );
    if (spoken.get(request.action) !== true) continue;
    const together = authorize({ identity: role, resource: bucket, narrowing }, request);
    const open = isOpen(together.decision);
    const alone = open ? together : evaluate(role, { ...request, principal: () => undefined });
    if (!isOpen(alone.decision) || (!open && narrowing.length > 0)) continue;
    for (const statement of alone.by) add(found, statement, { says, grave, denied: !open }, request);
  }
}

/** `unknown` depends on what the holder of the credentials may choose, or on what AWS does not document. */
export function isOpen(decision: string): boolean {
  return decision === 'allowed' || decision === 'unknown';
}

function add(
  found: Map<Statement, Reached>,
  statement: Statement,
  next: Omit<Reached, 'actions'>,
  { action }: PolicyRequest,
): void {
  const before = found.get(statement);
  const rank = ({ grave, denied }: Omit<Reached, 'actions'>) => (grave ? 2 : 0) + (denied ? 0 : 1);
  if (before === undefined || rank(next) > rank(before)) found.set(statement, { ...next, actions: new Set([action]) });
  else if (rank(next) === rank(before)) found.set(statement, { ...before, actions: before.actions.add(action) });
}
