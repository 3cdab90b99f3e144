/**
 * The elements of a policy's statement: principals, conditions, resources, each with what IAM refuses in it.
 *
 * @module
 */
import { isObject } from '../../lib/json.ts';
import { OPERATOR_NAMES } from './operators.ts';
import type { Condition, PolicyFinding, PolicyKind, Principal } from './policy.ts';

export type Json = Record<string, unknown>;

/** Takes a finding; what `place` leaves out is the document's or the statement's. */
export type Report = (code: PolicyFinding['code'], what: string, place?: Partial<PolicyFinding>) => undefined;

/** Members by IAM's own spelling. Another spelling is a finding, and is read all the same. */
export function spelled(object: Json, known: readonly string[], report: Report): Json {
  const out: Json = {};
  for (const [key, value] of Object.entries(object)) {
    const name = known.find(k => k.toLowerCase() === key.toLowerCase());
    if (name === undefined) report('malformed', `${JSON.stringify(key)} is no element of a policy`, { key });
    else if (name !== key) report('key-case', `${JSON.stringify(key)} is spelled ${JSON.stringify(name)}`, { key });
    if (name !== undefined) out[name] = value;
  }
  return out;
}

/** One string, or a list of them; both forms are legal. */
export function textsOf(value: unknown, key: string, report: Report): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const texts = values.filter(item => typeof item === 'string');
  if (values.length === 0) report('malformed', `${key} is an empty list`, { key });
  if (texts.length < values.length) report('malformed', `${key} holds something else than text`, { key });
  return texts;
}

export function resourceForm(text: string, report: Report): undefined {
  if (text !== '*' && !/^arn:/.test(text))
    report('malformed', `${JSON.stringify(text)} is neither an ARN nor "*"`, { key: 'Resource' });
}

const PRINCIPALS = ['AWS', 'Federated', 'Service', 'CanonicalUser'];

/** Identity providers that IAM knows by their domain; every other one has an ARN. */
const DOMAINS = ['accounts.google.com', 'cognito-identity.amazonaws.com', 'graph.facebook.com', 'www.amazon.com'];
const PROVIDER = /^arn:[\w-]+:iam::(\d{12})?:(oidc|saml)-provider\/\S+$/;

/** @returns undefined where the statement names none */
export function principalsOf(statement: Json, kind: PolicyKind, report: Report): Principal[] | undefined {
  const value = statement['Principal'] ?? statement['NotPrincipal'];
  if (value === undefined) return undefined;
  if (value === '*') return [{ kind: '*', value: '*' }];
  if (!isObject(value)) {
    report('malformed', 'Principal is neither "*" nor an object', { key: 'Principal' });
    return [];
  }
  return Object.entries(value).flatMap(([type, of]) => {
    const key = `Principal.${type}`;
    if (!PRINCIPALS.includes(type))
      report('malformed', `${JSON.stringify(type)} is no kind of principal (${PRINCIPALS.join(', ')})`, { key });
    return (textsOf(of, key, report) ?? []).map(text => {
      const what = principalProblem(type, text, kind);
      if (what !== undefined) report('malformed', `${JSON.stringify(text)}: ${what}`, { key });
      return { kind: type, value: text };
    });
  });
}

function principalProblem(type: string, text: string, kind: PolicyKind): string | undefined {
  if (type === 'Federated' && kind === 'trust' && !PROVIDER.test(text) && !DOMAINS.includes(text))
    return 'a federated principal is the ARN of a provider (arn:aws:iam::<account>:oidc-provider/<issuer without https://>)';
  if (type === 'AWS' && text !== '*' && /[*?]/.test(text)) return 'a principal holds no wildcard';
  return undefined;
}

export function conditionsOf(value: unknown, report: Report): Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) {
    report('malformed', 'Condition is not an object', { key: 'Condition' });
    return [];
  }
  return Object.entries(value).flatMap(([written, keys]) => {
    const key = `Condition.${written}`;
    const test = operatorOf(written, key, report);
    if (!isObject(keys)) {
      report('malformed', `what stands under ${written} is not an object`, { key });
      return [];
    }
    const folded = Object.keys(keys).map(name => name.toLowerCase());
    if (new Set(folded).size < folded.length)
      report('malformed', 'a key stands twice: IAM takes keys that differ in case for one', { key });
    return Object.entries(keys).map(([name, of]) => {
      const values = valuesOf(of, `${key}.${name}`, report);
      if (test.operator === 'Null' && !values.every(text => /^(true|false)$/i.test(text)))
        report('malformed', 'Null asks for "true" or "false" only', { key: `${key}.${name}` });
      return { ...test, key: name, values };
    });
  });
}

function operatorOf(written: string, key: string, report: Report): Pick<Condition, 'operator' | 'set' | 'ifExists'> {
  const [, prefix, bare = written] = /^(ForAnyValue|ForAllValues):(.*)$/i.exec(written) ?? [];
  const ifExists = /IfExists$/i.test(bare);
  const plain = bare.replace(/IfExists$/i, '');
  const operator = OPERATOR_NAMES.find(name => name.toLowerCase() === plain.toLowerCase());
  const set = prefix === undefined ? undefined : /any/i.test(prefix) ? 'ForAnyValue' : 'ForAllValues';
  const asSpelled = `${set === undefined ? '' : `${set}:`}${operator}${ifExists ? 'IfExists' : ''}`;
  if (operator === undefined || (operator === 'Null' && written.toLowerCase() !== 'null'))
    report('operator-unknown', `${JSON.stringify(written)} is no condition operator`, { key });
  else if (asSpelled !== written)
    report('key-case', `${JSON.stringify(written)} is spelled ${JSON.stringify(asSpelled)}`, { key });
  return { operator: operator ?? plain, set, ifExists };
}

/** IAM reads booleans and numbers by their text. */
function valuesOf(value: unknown, key: string, report: Report): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const scalars = values.filter(item => ['string', 'boolean', 'number'].includes(typeof item));
  if (scalars.length < values.length || values.length === 0)
    report('malformed', 'a condition holds a text or a list of texts', { key });
  return scalars.map(String);
}
