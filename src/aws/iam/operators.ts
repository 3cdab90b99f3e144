/**
 * IAM's condition operators, each once: how a request's value is compared with one of the policy's.
 *
 * @module
 */
import { BlockList, isIP } from 'node:net';
import { matches, matchesArn, type Pattern } from './pattern.ts';

/**
 * What a comparison says. `incomparable`: one of the two isn't of the operator's type, so the condition isn't met, negated or
 * not. `unknown`: AWS documents no answer.
 */
export type Comparison = boolean | 'incomparable' | 'unknown';

export interface Operator {
  /** A negated operator is met where the comparison fails with each of the policy's values, and by a missing key. */
  readonly negated: boolean;
  /** Whether `${…}` is replaced in the policy's values. */
  readonly variables: boolean;
  /** Whether `*` and `?` are wildcards in them. */
  readonly wildcards: boolean;
  /** @param pattern the policy's value, compiled; `text` is the same as written */
  compare(value: string, pattern: Pattern, text: string): Comparison;
}

type Kind = Omit<Operator, 'negated'>;

const exact = {
  variables: true,
  wildcards: false,
  compare: (value, pattern) => matches(pattern, value),
} satisfies Kind;
const ignoringCase = {
  ...exact,
  compare: (value, pattern) => matches(pattern, value, { ignoreCase: true }),
} satisfies Kind;
const like = { ...exact, wildcards: true } satisfies Kind;
const bool = {
  ...ignoringCase,
  compare: (value, pattern) =>
    isBool(value) ? matches(pattern, value, { ignoreCase: true }) : ('incomparable' as const),
} satisfies Kind;
const arn = {
  ...like,
  compare(value, pattern) {
    const parts = matchesArn(pattern, value);
    if (parts !== undefined) return parts;
    // A pattern such as "*" alone: whether AWS takes it for every ARN is documented nowhere.
    return pattern.some(token => token === 'any') && matches(pattern, value) ? 'unknown' : 'incomparable';
  },
} satisfies Kind;
const address = compared(inBlock);
const binary = compared((value, expected) => value === expected);

const numeric = (test: (value: number, expected: number) => boolean): Kind => ordered(numberOf, test);
const date = (test: (value: number, expected: number) => boolean): Kind => ordered(momentOf, test);

/** By IAM's spelling. `Null` isn't among them: it asks whether a key is there, not what its value is. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...pair('StringEquals', 'StringNotEquals', exact),
  ...pair('StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', ignoringCase),
  ...pair('StringLike', 'StringNotLike', like),
  ...pair(
    'NumericEquals',
    'NumericNotEquals',
    numeric((a, b) => a === b),
  ),
  ...single(
    'NumericLessThan',
    numeric((a, b) => a < b),
  ),
  ...single(
    'NumericLessThanEquals',
    numeric((a, b) => a <= b),
  ),
  ...single(
    'NumericGreaterThan',
    numeric((a, b) => a > b),
  ),
  ...single(
    'NumericGreaterThanEquals',
    numeric((a, b) => a >= b),
  ),
  ...pair(
    'DateEquals',
    'DateNotEquals',
    date((a, b) => a === b),
  ),
  ...single(
    'DateLessThan',
    date((a, b) => a < b),
  ),
  ...single(
    'DateLessThanEquals',
    date((a, b) => a <= b),
  ),
  ...single(
    'DateGreaterThan',
    date((a, b) => a > b),
  ),
  ...single(
    'DateGreaterThanEquals',
    date((a, b) => a >= b),
  ),
  ...single('Bool', bool),
  ...single('BinaryEquals', binary),
  ...pair('IpAddress', 'NotIpAddress', address),
  ...pair('ArnEquals', 'ArnNotEquals', arn),
  ...pair('ArnLike', 'ArnNotLike', arn),
]);

/** Every operator's name, `Null` included. */
export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys(), 'Null'];

function single(name: string, kind: Kind): [string, Operator][] {
  return [[name, { ...kind, negated: false }]];
}

function pair(positive: string, negative: string, kind: Kind): [string, Operator][] {
  return [
    [positive, { ...kind, negated: false }],
    [negative, { ...kind, negated: true }],
  ];
}

/** A comparison with the policy's value as it is written. */
function compared(test: (value: string, expected: string) => Comparison): Kind {
  return { variables: false, wildcards: false, compare: (value, _pattern, text) => test(value, text) };
}

function ordered(read: (text: string) => number | undefined, test: (value: number, expected: number) => boolean): Kind {
  return compared((value, expected) => {
    const [a, b] = [read(value), read(expected)];
    return a === undefined || b === undefined ? 'incomparable' : test(a, b);
  });
}

function isBool(text: string): boolean {
  return /^(true|false)$/i.test(text);
}

function numberOf(text: string): number | undefined {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** ISO 8601 as W3C profiles it, or seconds since the epoch; in ms. */
function momentOf(text: string): number | undefined {
  if (/^\d{5,12}$/.test(text)) return Number(text) * 1000;
  const iso = /^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?)?)?$/;
  const ms = iso.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function inBlock(value: string, block: string): Comparison {
  const [network = '', prefix] = block.split('/');
  const family = isIP(network);
  const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
  const legal = /^\d{1,3}$/.test(prefix ?? '0') && bits <= (family === 6 ? 128 : 32);
  if (family === 0 || isIP(value) === 0 || !legal) return 'incomparable';
  if (isIP(value) !== family) return false;
  const list = new BlockList();
  const type = family === 6 ? 'ipv6' : 'ipv4';
  list.addSubnet(network, bits, type);
  return list.check(value, type);
}
