/**
 * What policies say to a request: allowed, denied, or unknown where the answer hangs on something that isn't known.
 *
 * A key that the context lacks is missing, unless the request says that it may be there all the same. A policy variable
 * without a value equals nothing; whether a negated condition or a `NotResource` with it still holds is documented nowhere,
 * so it is unknown.
 *
 * @module
 */
import { OPERATORS, type Operator } from './operators.ts';
import { compile, matches, matchesArn, type Pattern, variablesIn } from './pattern.ts';
import type { Condition, Statement } from './policy.ts';

export type Truth = boolean | 'unknown';

/** How a principal in a policy concerns who asks. `role`: as its session does; `account`: by its whole account. */
export type Concern = 'session' | 'role' | 'account' | 'unknown' | undefined;

/** Values by lower-case key. A key without values is missing. */
export type Context = ReadonlyMap<string, readonly string[]>;

export interface PolicyRequest {
  /** `s3:GetObject`. */
  readonly action: string;
  /** An ARN; absent where statements have none, as in trust policies. */
  readonly resource?: string;
  /** Absent for an identity's own policies, which have no principals. */
  readonly principal?: (kind: string, value: string) => Concern;
  readonly context: Context;
  /** Whether a lower-case key that the context lacks may be in the request all the same. Default: no. */
  readonly unknown?: (key: string) => boolean;
}

export interface Evaluation {
  /** `none`: no statement speaks of it, which denies unless another policy allows. */
  readonly decision: 'allowed' | 'denied' | 'none' | 'unknown';
  /** The statements that decide; for `unknown` those that allow or may. */
  readonly by: readonly Statement[];
}

/** What one policy has for a request and against it. */
export interface Survey {
  readonly allow: Truth;
  readonly deny: Truth;
  /** The statements that allow or may, and those that deny or may. */
  readonly allowing: readonly Statement[];
  readonly denying: readonly Statement[];
}

/** Explicit Deny, then Allow, then nothing. */
export function evaluate(statements: readonly Statement[], request: PolicyRequest): Evaluation {
  return decide(survey(statements, request));
}

export function survey(statements: readonly Statement[], request: PolicyRequest): Survey {
  const found = statements.map(statement => ({ statement, truth: applies(statement, request) }));
  const of = (effect: Statement['effect']) => {
    const all = found.filter(({ statement, truth }) => statement.effect === effect && truth !== false);
    const truth = some(all.map(one => one.truth));
    return { truth, by: all.filter(one => one.truth === truth).map(({ statement }) => statement) };
  };
  const [allow, deny] = [of('Allow'), of('Deny')];
  return { allow: allow.truth, deny: deny.truth, allowing: allow.by, denying: deny.by };
}

export function decide({ allow, deny, allowing, denying }: Survey): Evaluation {
  if (deny === true) return { decision: 'denied', by: denying };
  if (allow === false) return { decision: 'none', by: [] };
  return { decision: allow === true && deny === false ? 'allowed' : 'unknown', by: allowing };
}

/** Whether a statement speaks of the request. */
export function applies(statement: Statement, request: PolicyRequest): Truth {
  if (!matchesAction(statement, request.action)) return false;
  const principal = matchesPrincipal(statement, request);
  if (principal === false) return false;
  const resource = matchesResource(statement, request);
  if (resource === false) return false;
  return every([principal, resource, ...statement.conditions.map(c => holds(c, statement, request))]);
}

/** The patterns of a statement's actions, which have no variables: compiled once, asked often. */
const compiledActions = new WeakMap<readonly string[], readonly Pattern[]>();

export function matchesAction({ actions, notAction }: Statement, action: string): boolean {
  const patterns = compiledActions.get(actions) ?? actions.map(text => compile(text, { wildcards: true }) ?? []);
  compiledActions.set(actions, patterns);
  return patterns.some(pattern => matches(pattern, action, { ignoreCase: true })) !== notAction;
}

/** An account in a Deny covers its roles; in an Allow it hands the decision to their own policies, and grants nothing. */
function matchesPrincipal({ principals, notPrincipal, effect }: Statement, { principal }: PolicyRequest): Truth {
  if (principal === undefined || principals === undefined) return true;
  const concerns = principals.map(({ kind, value }) => principal(kind, value));
  const named = concerns.some(c => c === 'session' || c === 'role');
  if (notPrincipal) return named ? false : concerns.some(c => c !== undefined) ? 'unknown' : true;
  if (named || (effect === 'Deny' && concerns.includes('account'))) return true;
  return concerns.includes('unknown') ? 'unknown' : false;
}

function matchesResource(statement: Statement, request: PolicyRequest): Truth {
  const { resource } = request;
  const { resources, notResource } = statement;
  if (resource === undefined || resources === undefined) return true;
  const results = resources.map((text): Truth => {
    if (text === '*') return true;
    const pattern = resolved(text, true, statement.variables, request);
    // A variable without a value is in no ARN; under NotResource the statement itself may be void.
    if (pattern === 'unresolved') return notResource ? 'unknown' : false;
    if (pattern === 'unknown') return 'unknown';
    // Whether a wildcard may stand for the colons of an ARN ("arn:aws:s3*") is documented nowhere.
    return matchesArn(pattern, resource) ?? (matches(pattern, resource) ? 'unknown' : false);
  });
  return notResource ? not(some(results)) : some(results);
}

/** One condition against the request's context. */
export function holds(condition: Condition, statement: Pick<Statement, 'variables'>, request: PolicyRequest): Truth {
  const key = condition.key.toLowerCase();
  const values = request.context.get(key) ?? [];
  if (values.length === 0 && request.unknown?.(key) === true) return 'unknown';
  if (condition.operator === 'Null')
    return condition.values.some(text => (text.toLowerCase() === 'true') === (values.length === 0));
  const operator = OPERATORS.get(condition.operator);
  if (operator === undefined) return 'unknown';
  if (values.length === 0) {
    // ForAnyValue is not met by a missing key, IfExists is: which of them wins is documented nowhere.
    if (condition.ifExists) return condition.set === 'ForAnyValue' ? 'unknown' : true;
    return condition.set === undefined ? operator.negated : condition.set === 'ForAllValues';
  }
  // Several values need a set operator; without one the condition is never met.
  if (condition.set === undefined && values.length > 1) return false;
  const results = values.map(value => compares(operator, value, condition.values, statement.variables, request));
  return condition.set === 'ForAnyValue' ? some(results) : every(results);
}

/** A value against the alternatives: equal to one of them, or, negated, to none. */
function compares(
  operator: Operator,
  value: string,
  alternatives: readonly string[],
  variables: boolean,
  request: PolicyRequest,
): Truth {
  const results = alternatives.map(text => {
    const pattern = resolved(text, operator.wildcards, variables && operator.variables, request);
    if (pattern === 'unresolved') return operator.negated ? 'unknown' : false;
    return pattern === 'unknown' ? pattern : operator.compare(value, pattern, text);
  });
  if (!operator.negated) return some(results.map(r => (r === 'incomparable' ? false : r)));
  return every(results.map(r => (r === 'incomparable' ? false : not(r))));
}

function resolved(
  text: string,
  wildcards: boolean,
  variables: boolean,
  { context, unknown }: PolicyRequest,
): Pattern | 'unresolved' | 'unknown' {
  if (!variables) return compile(text, { wildcards }) ?? 'unresolved';
  const valuesOf = (key: string) => context.get(key.toLowerCase()) ?? [];
  // Whether an empty value counts as none is documented nowhere.
  const doubtful = (key: string) =>
    valuesOf(key).includes('') || (valuesOf(key).length === 0 && unknown?.(key.toLowerCase()) === true);
  if (variablesIn(text).some(doubtful)) return 'unknown';
  const lookup = (key: string) => (valuesOf(key).length === 1 ? valuesOf(key)[0] : undefined);
  return compile(text, { wildcards, lookup }) ?? 'unresolved';
}

const not = (truth: Truth): Truth => (truth === 'unknown' ? truth : !truth);

/** Three-valued `and`. */
export function every(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}

/** Three-valued `or`. */
export function some(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes('unknown') ? 'unknown' : false;
}
