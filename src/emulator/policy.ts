/**
 * A trust policy, read once and strictly: what the evaluator doesn't know is an error here, at start, and never a
 * condition that silently holds.
 *
 * @module
 */
import { parseStrictJson, StrictJsonError } from '../lib/json.ts';
import { type Condition, OPERATORS } from './conditions.ts';

/** The document, as IAM takes it. */
export type PolicyDocument = string | Readonly<Record<string, unknown>>;

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly notActions: boolean;
  /** Provider ARNs, or `*`. */
  readonly federated: readonly string[];
  readonly notPrincipal: boolean;
  readonly conditions: readonly Condition[];
}

export interface TrustPolicy {
  /** Version 2012-10-17 has policy variables, 2008-10-17 takes them literally. */
  readonly variables: boolean;
  readonly statements: readonly Statement[];
}

const TOP = ['Version', 'Id', 'Statement'];
const FIELDS = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Condition'];

/** @throws TypeError that names the place and the mend */
export function parseTrustPolicy(document: PolicyDocument, where: string): TrustPolicy {
  const root = record(typeof document === 'string' ? parseJson(document, where) : document, where);
  known(root, TOP, where);
  const version = root['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17') throw new TypeError(`${where}.Version: write "2012-10-17"`);
  const list = Array.isArray(root['Statement']) ? root['Statement'] : [root['Statement']];
  const statements = list.map((statement, i) => parseStatement(statement, `${where}.Statement[${i}]`));
  return { variables: version === '2012-10-17', statements };
}

function parseStatement(value: unknown, where: string): Statement {
  const statement = record(value, where);
  known(statement, FIELDS, where);
  const { Effect: effect, Action, NotAction, Principal, NotPrincipal, Condition } = statement;
  if (effect !== 'Allow' && effect !== 'Deny') throw new TypeError(`${where}.Effect: "Allow" or "Deny"`);
  if ((Action === undefined) === (NotAction === undefined))
    throw new TypeError(`${where}: needs Action (or NotAction)`);
  if ((Principal === undefined) === (NotPrincipal === undefined)) {
    throw new TypeError(`${where}: needs Principal, such as {"Federated": "<provider ARN>"}`);
  }
  if (NotPrincipal !== undefined && effect === 'Allow') throw new TypeError(`${where}.NotPrincipal: only with Deny`);
  const actions = strings(Action ?? NotAction, `${where}.Action`);
  const parsed = {
    effect,
    actions,
    notActions: Action === undefined,
    federated: principals(Principal ?? NotPrincipal, `${where}.Principal`),
    notPrincipal: Principal === undefined,
    conditions: conditions(Condition, `${where}.Condition`),
  } as const;
  // IAM: "AssumeRole policy may only specify STS AssumeRole actions."
  const other = actions.find(action => !/^sts:/i.test(action));
  if (other !== undefined) {
    throw new TypeError(
      `${where}.Action: ${JSON.stringify(other)}: a trust policy may only name STS's actions (sts:…)`,
    );
  }
  return parsed;
}

function principals(value: unknown, where: string): string[] {
  if (value === '*') return ['*'];
  return Object.entries(record(value, where)).flatMap(([kind, ids]) => {
    const list = strings(ids, `${where}.${kind}`);
    if (kind === 'Federated') return list.map(id => federated(id, `${where}.${kind}`));
    if (kind === 'AWS') return list.filter(id => id === '*');
    if (kind === 'Service') return [];
    throw new TypeError(`${where}.${kind}: write Federated, AWS or Service`);
  });
}

/** IAM's own rule when the policy is put: an ARN of a provider, or a domain. A URL or a star is refused, so here too. */
function federated(id: string, where: string): string {
  if (/^arn:[a-z-]+:iam::\d{12}:(oidc|saml)-provider\/\S+$/.test(id) || /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(id))
    return id;
  throw new TypeError(
    `${where}: ${JSON.stringify(id)}: federated principals must be valid domain names or provider ARNs; write arn:aws:iam::<account>:oidc-provider/<issuer without https://>`,
  );
}

function conditions(value: unknown, where: string): Condition[] {
  if (value === undefined) return [];
  return Object.entries(record(value, where)).flatMap(([name, block]) => {
    const parts = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(name);
    const operator = parts?.[2] ?? '';
    if (!(operator === 'Null' || OPERATORS.has(operator))) {
      throw new TypeError(
        `${where}.${name}: an operator that this emulator doesn't know (${[...OPERATORS.keys()].join(', ')}, Null)`,
      );
    }
    if (operator === 'Null' && name !== 'Null') throw new TypeError(`${where}.${name}: write just Null`);
    return Object.entries(record(block, `${where}.${name}`)).map(([key, values]) => ({
      operator,
      set: parts?.[1] as Condition['set'],
      ifExists: parts?.[3] !== undefined,
      key: key.toLowerCase(),
      values: strings(values, `${where}.${name}.${key}`),
    }));
  });
}

function parseJson(text: string, where: string): unknown {
  try {
    // IAM's grammar: "individual elements must not contain multiple instances of the same key".
    return parseStrictJson(text);
  } catch (error) {
    const twice = error instanceof StrictJsonError ? error.member : undefined;
    if (twice !== undefined) {
      throw new TypeError(`${where}: ${JSON.stringify(twice)} stands twice in one object; keep one of them`);
    }
    throw new TypeError(`${where}: not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`${where}: must be a JSON object`);
}

function known(value: Record<string, unknown>, names: readonly string[], where: string): void {
  const unknown = Object.keys(value).find(name => !names.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${where}.${unknown}: no element of a trust policy (${names.join(', ')})`);
}

/** A string, or a list of them; booleans and numbers are read as IAM does, by their text. */
function strings(value: unknown, where: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  const scalar = (item: unknown) => ['string', 'boolean', 'number'].includes(typeof item);
  if (list.length === 0 || !list.every(scalar)) throw new TypeError(`${where}: must be a string or a list of strings`);
  return list.map(String);
}
