/**
 * Whether a policy allows a request, as far as wallets go.
 *
 * It knows the context keys that the isolation rests on. A condition on anything else (addresses, times, MFA) can't be
 * judged from here and is taken as met in an Allow and as not met in a Deny: the answer says what the policy lets happen
 * at most, which is the safe side for "can a foreign folder be opened".
 *
 * @module
 */
import type { ReadCondition, ReadStatement } from './read-policy.ts';

export interface PolicyRequest {
  readonly action: string;
  /** Absent for trust policies. */
  readonly resource?: string;
  /** Which principals of a resource's policy it is; absent for policies of an identity. */
  readonly principal?: (kind: string, value: string) => boolean;
  /** By lower-case key; a key that is absent is absent in the request. */
  readonly context: ReadonlyMap<string, readonly string[]>;
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

/** Whether a statement speaks of the request. */
export function applies(statement: ReadStatement, request: PolicyRequest): boolean {
  return (
    principalMatches(statement, request) &&
    actionMatches(statement, request.action) &&
    resourceMatches(statement, request) &&
    statement.conditions.every(condition => holds(condition, request.context, statement.effect === 'Allow'))
  );
}

function principalMatches({ principals, notPrincipal }: ReadStatement, { principal }: PolicyRequest): boolean {
  if (principal === undefined || principals === undefined) return true;
  return principals.some(({ kind, value }) => principal(kind, value)) !== notPrincipal;
}

export function actionMatches({ actions, notActions }: ReadStatement, action: string): boolean {
  const matches = (pattern: string) => wildcard(pattern.toLowerCase()).test(action.toLowerCase());
  return actions !== undefined ? actions.some(matches) : notActions !== undefined && !notActions.some(matches);
}

function resourceMatches({ resources, notResources }: ReadStatement, { resource, context }: PolicyRequest): boolean {
  if (resource === undefined) return true;
  // An element whose variable resolves to nothing voids the statement, whichever way round it is meant.
  const patterns = (resources ?? notResources ?? ['*']).map(r => resolved(r, context));
  if (notResources !== undefined && patterns.includes(undefined)) return false;
  const hit = patterns.some(p => p?.test(resource) === true);
  return resources === undefined && notResources !== undefined ? !hit : hit;
}

/** Keys whose absence from the request is known, and not merely unknown here. */
const KNOWN = /^(aws:(principaltag|requesttag)\/.*|aws:tagkeys|s3:prefix|sts:rolesessionname|aws:principalarn)$/;

function holds(condition: ReadCondition, context: PolicyRequest['context'], unknown: boolean): boolean {
  const key = condition.key.toLowerCase();
  const { operator } = condition;
  if (operator === 'unknown') return false;
  const actual = context.get(key);
  if (actual === undefined && /^(aws|s3|sts):/.test(key) && !KNOWN.test(key)) return unknown;
  if (operator === 'Null') return condition.values.some(v => (v.toLowerCase() === 'true') === (actual === undefined));
  const negated = /Not/.test(operator);
  if (actual === undefined)
    return condition.ifExists || condition.set === 'all' || (negated && condition.set !== 'any');
  const test = comparison(operator, condition.values, context);
  if (test === undefined) return unknown;
  const one = (value: string) => test(value) !== negated;
  return condition.set === 'any' ? actual.some(one) : actual.every(one);
}

/** Whether a value equals one of a condition's values by the un-negated operator; undefined for operators on other types. */
function comparison(operator: string, values: readonly string[], context: PolicyRequest['context']) {
  if (!/^(String|Arn)/.test(operator)) return undefined;
  const like = operator.endsWith('Like') || operator.startsWith('Arn');
  const folded = operator.endsWith('IgnoreCase');
  const patterns = values.map(v => resolved(v, context, like, folded));
  return (value: string) => patterns.some(p => p?.test(folded ? value.toLowerCase() : value) === true);
}

/**
 * A pattern with its variables replaced, what they stand for taken literally; undefined where one has no value.
 */
function resolved(pattern: string, context: PolicyRequest['context'], wild = true, folded = false): RegExp | undefined {
  let source = '';
  let rest = folded ? pattern.toLowerCase() : pattern;
  for (;;) {
    const match = /\$\{([^}]*)\}/.exec(rest);
    const literal = match === null ? rest : rest.slice(0, match.index);
    source += wild ? wildcardSource(literal) : escaped(literal);
    if (match === null) return new RegExp(`^${source}$`, 's');
    const [name = '', fallback] = (match[1] ?? '').split(/\s*,\s*/);
    const value =
      name === '*' || name === '?' || name === '$'
        ? name
        : (context.get(name.toLowerCase())?.[0] ?? fallback?.replace(/^'|'$/g, ''));
    if (value === undefined) return undefined;
    source += escaped(value);
    rest = rest.slice(match.index + match[0].length);
  }
}

function wildcard(pattern: string): RegExp {
  return new RegExp(`^${wildcardSource(pattern)}$`, 's');
}

function wildcardSource(pattern: string): string {
  // Runs of stars are one star: so that no pattern makes the expression backtrack without end.
  return escaped(pattern)
    .replace(/(\\\*)+/g, '.*')
    .replaceAll('\\?', '.');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
