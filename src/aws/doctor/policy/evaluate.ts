/**
 * What a policy lets happen at most.
 *
 * What can't be known from here (addresses, times, MFA, further tags of a session, whether AWS lets a statement stand whose
 * variable has no value) is taken as met in an Allow and as not met in a Deny: the safe side for "can a foreign folder be
 * opened".
 *
 * @module
 */
import type { ReadCondition, ReadStatement } from './read.ts';
import { compiled, type Matcher } from './wildcard.ts';

export interface PolicyRequest {
  readonly action: string;
  /** Absent for trust policies. */
  readonly resource?: string;
  /**
   * Whether a principal of a resource's policy is the one who asks: for an Allow whether it may be, for a Deny whether it
   * surely is. Absent for policies of an identity.
   */
  readonly principal?: (kind: string, value: string, mode: 'may be' | 'surely is') => boolean;
  /** By lower-case key; a key that is absent is absent in the request, unless it is unknown. */
  readonly context: ReadonlyMap<string, readonly string[]>;
  /** Whether a lower-case key that the context lacks may all the same be in the request, with any value. */
  readonly unknown: (key: string) => boolean;
}

export interface Evaluation {
  readonly decision: 'allowed' | 'denied' | 'none';
  /** The statements that decided. */
  readonly by: readonly ReadStatement[];
}

/** Explicit Deny, then Allow, then nothing. */
export function evaluate(statements: readonly ReadStatement[], request: PolicyRequest): Evaluation {
  const applying = statements.filter(s => applies(s, request));
  const denies = applying.filter(s => s.effect === 'Deny');
  if (denies.length > 0) return { decision: 'denied', by: denies };
  const allows = applying.filter(s => s.effect === 'Allow');
  return allows.length > 0 ? { decision: 'allowed', by: allows } : { decision: 'none', by: [] };
}

/** Whether a statement speaks of the request: an Allow perhaps, a Deny surely. */
export function applies(statement: ReadStatement, request: PolicyRequest): boolean {
  return (
    actionMatches(statement, request.action) &&
    principalMatches(statement, request) &&
    statement.conditions.every(condition => holds(condition, statement, request)) &&
    resourceMatches(statement, request)
  );
}

function principalMatches({ principals, notPrincipal, effect }: ReadStatement, { principal }: PolicyRequest): boolean {
  if (principal === undefined || principals === undefined) return true;
  const mode = (effect === 'Allow') !== notPrincipal ? 'may be' : 'surely is';
  return principals.some(({ kind, value }) => principal(kind, value, mode)) !== notPrincipal;
}

export function actionMatches({ actions, notActions }: ReadStatement, action: string): boolean {
  const hits = (pattern: string) => compiled(pattern, { ignoreCase: true })?.(action) === true;
  return actions !== undefined ? actions.some(hits) : notActions !== undefined && !notActions.some(hits);
}

function resourceMatches(statement: ReadStatement, request: PolicyRequest): boolean {
  const { resource } = request;
  const { resources, notResources } = statement;
  if (resource === undefined) return true;
  const patterns = (resources ?? notResources ?? ['*']).map(r => compiled(r, { lookup: lookupOf(statement, request) }));
  // A variable without a value can void the statement, whichever way round it is meant.
  if (statement.effect === 'Deny' && patterns.includes(undefined)) return false;
  const hit = patterns.some(p => p?.(resource) === true);
  return resources === undefined && notResources !== undefined ? !hit : hit;
}

function holds(condition: ReadCondition, statement: ReadStatement, request: PolicyRequest): boolean {
  const key = condition.key.toLowerCase();
  const { operator } = condition;
  const doubtful = statement.effect === 'Allow';
  const actual = request.context.get(key);
  if (operator === 'unknown' || (actual === undefined && request.unknown(key))) return doubtful;
  if (operator === 'Null') return condition.values.some(v => (v.toLowerCase() === 'true') === (actual === undefined));
  if (!/^(String|Arn)/.test(operator)) {
    if (actual !== undefined) return doubtful;
  }
  const negated = /Not/.test(operator);
  const patterns = patternsOf(condition, statement, request);
  if (patterns.includes(undefined) && (negated || !doubtful)) return doubtful;
  if (actual === undefined)
    return condition.ifExists || condition.set === 'all' || (negated && condition.set !== 'any');
  const one = (value: string) => patterns.some(p => p?.(value) === true) !== negated;
  if (condition.set === 'any') return actual.some(one);
  // Without a set operator, several values: for a positive operator one is enough.
  return condition.set === 'all' || negated ? actual.every(one) : actual.some(one);
}

function patternsOf(
  { operator, values }: ReadCondition,
  statement: ReadStatement,
  request: PolicyRequest,
): (Matcher | undefined)[] {
  const wild = operator.endsWith('Like') || operator.startsWith('Arn');
  const ignoreCase = operator.endsWith('IgnoreCase');
  return values.map(v => compiled(v, { wild, ignoreCase, lookup: lookupOf(statement, request) }));
}

/** Before version 2012-10-17 a variable is plain text. */
function lookupOf({ variables }: ReadStatement, { context }: PolicyRequest) {
  return variables ? (key: string) => context.get(key)?.[0] : undefined;
}
