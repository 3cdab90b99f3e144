/**
 * One condition of a policy against the request's context: operators, set operators, `…IfExists`, `Null`.
 *
 * A missing key is false for a positive operator and true for a negated one; `ForAllValues:` holds for no values at all,
 * `ForAnyValue:` never does. That is IAM's rule, with all the traps in it: finding them is what an emulator is for.
 *
 * @module
 */
import { BlockList, isIP } from 'node:net';
import { compile, type Lookup, matches } from '../aws/iam/pattern.ts';

/** One line of a `Condition` block. */
export interface Condition {
  /** `StringEquals`, … without set operator and suffix. */
  readonly operator: string;
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined;
  readonly ifExists: boolean;
  /** Lower case. */
  readonly key: string;
  readonly values: readonly string[];
}

/** Values by lower-case key. A key with no values is missing. */
export type Context = ReadonlyMap<string, readonly string[]>;

interface Operator {
  readonly negated: boolean;
  /** @returns undefined where a policy variable has no value */
  test(value: string, expected: string, lookup: Lookup | undefined): boolean | undefined;
}

const text = (wildcards: boolean, ignoreCase: boolean): Operator['test'] => {
  return (value, expected, lookup) => {
    const pattern = compile(expected, lookup === undefined ? { wildcards } : { wildcards, lookup });
    return pattern === undefined ? undefined : matches(pattern, value, { ignoreCase });
  };
};

/** The operators that are known, `Null` apart. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['StringEquals', { negated: false, test: text(false, false) }],
  ['StringNotEquals', { negated: true, test: text(false, false) }],
  ['StringEqualsIgnoreCase', { negated: false, test: text(false, true) }],
  ['StringNotEqualsIgnoreCase', { negated: true, test: text(false, true) }],
  ['StringLike', { negated: false, test: text(true, false) }],
  ['StringNotLike', { negated: true, test: text(true, false) }],
  ['Bool', { negated: false, test: text(false, true) }],
  ['IpAddress', { negated: false, test: inBlock }],
  ['NotIpAddress', { negated: true, test: inBlock }],
]);

/**
 * A policy variable without a value makes it false, for a negated operator too: the whole statement can't apply.
 *
 * @param variables whether `${…}` is replaced
 */
export function holds(condition: Condition, context: Context, variables: boolean): boolean {
  const values = context.get(condition.key) ?? [];
  if (condition.operator === 'Null') {
    return condition.values.some(expected => (expected.toLowerCase() === 'true') === (values.length === 0));
  }
  const operator = OPERATORS.get(condition.operator);
  if (operator === undefined) return false;
  const lookup: Lookup | undefined = variables
    ? key => {
        const found = context.get(key.toLowerCase());
        return found?.length === 1 ? found[0] : undefined;
      }
    : undefined;
  if (values.length === 0) {
    if (condition.ifExists) return true;
    if (condition.set === 'ForAllValues') return true;
    return condition.set === undefined && operator.negated;
  }
  const judged = values.map(value => one(operator, value, condition.values, lookup));
  // Without a set operator several values count as IAM counts them: positive if any matches, negated if none does.
  const all = condition.set === 'ForAllValues' || (condition.set === undefined && operator.negated);
  return all ? judged.every(Boolean) : judged.some(Boolean);
}

/** A value against the alternatives: equal to any of them, or, negated, to none. */
function one(operator: Operator, value: string, alternatives: readonly string[], lookup: Lookup | undefined) {
  const results = alternatives.map(expected => operator.test(value, expected, lookup));
  if (results.includes(undefined)) return undefined;
  return results.includes(true) !== operator.negated;
}

function inBlock(value: string, cidr: string): boolean {
  const [network = '', prefix] = cidr.split('/');
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  const length = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix);
  if (isIP(network) === 0 || isIP(value) === 0 || !Number.isInteger(length)) return false;
  try {
    const block = new BlockList();
    block.addSubnet(network, length, family);
    return block.check(value, isIP(value) === 6 ? 'ipv6' : 'ipv4');
  } catch {
    return false;
  }
}
