/**
 * A policy as somebody has it in a file or an account, read forgivingly: every fault becomes a finding, and what can still
 * be judged is judged.
 *
 * Both forms of a list, one string and an array, are legal. What the AWS CLI prints is unwrapped: `get-role`,
 * `get-role-policy`, `get-bucket-policy` (a string within JSON), `get-policy-version`.
 *
 * @module
 */

import { isObject } from '../../../lib/json.ts';
import { type Finding, finding } from '../finding.ts';
import { type Json, OPERATORS, unwrapped } from './forms.ts';

export interface ReadCondition {
  /** As IAM spells it, modifiers apart. */
  readonly operator: string;
  readonly set: 'any' | 'all' | undefined;
  readonly ifExists: boolean;
  /** As written. */
  readonly key: string;
  readonly values: readonly string[];
}

export interface ReadStatement {
  /** `file: statement 2 (Sid)`. */
  readonly where: string;
  readonly effect: 'Allow' | 'Deny';
  /** Kind (`AWS`, `Federated`, …; `*` for anybody) and values; undefined in a policy of an identity. */
  readonly principals: readonly { readonly kind: string; readonly value: string }[] | undefined;
  readonly notPrincipal: boolean;
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly conditions: readonly ReadCondition[];
  /** Whether `${…}` is more than text: from version 2012-10-17 on. */
  readonly variables: boolean;
}

export interface ReadPolicy {
  readonly statements: readonly ReadStatement[];
  readonly findings: readonly Finding[];
  /** Tags of the role, where the document came with them (`get-role`). */
  readonly roleTags: readonly { readonly key: string; readonly value: string }[];
}

/** Five times S3's limit, the largest of the three. */
export const MAX_POLICY = 100 * 1024;

/** A policy is six deep; what is nested thousands deep would exhaust the stack of whoever looks at it. */
const MAX_DEPTH = 32;

const ELEMENTS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];

const PRINCIPALS = ['AWS', 'Federated', 'Service', 'CanonicalUser'];

/** @param name what the finding shall call it: the file's path */
export function readPolicy(text: string, name: string): ReadPolicy {
  const findings: Finding[] = [];
  const none = (found: Finding): ReadPolicy => ({ statements: [], findings: [...findings, found], roleTags: [] });
  if (text.length > MAX_POLICY)
    return none(finding('policy-too-large', `${text.length} characters are no policy`, name));
  let body = text;
  if (body.startsWith('\uFEFF')) {
    findings.push(finding('policy-bom', 'the file begins with a byte order mark', name));
    body = body.slice(1);
  }
  const { document, tags, twice } = unwrapped(body);
  if (document === body) {
    const what = /^\s*</.test(body)
      ? 'it is HTML or XML, not JSON'
      : body.trim() === ''
        ? 'it is empty'
        : 'it is not JSON';
    return none(finding('policy-not-json', what, name));
  }
  if (tooDeep(document)) return none(finding('policy-malformed', `it is nested more than ${MAX_DEPTH} deep`, name));
  for (const member of twice)
    findings.push(finding('policy-malformed', `${JSON.stringify(member)} stands twice in one object`, name));
  if (!isObject(document)) return none(finding('policy-malformed', 'it is not a JSON object with a Statement', name));
  const top = spelled(document, ['Version', 'Id', 'Statement'], name, findings);
  if (top['Statement'] === undefined) return none(finding('policy-malformed', 'there is no Statement', name));
  const list = Array.isArray(top['Statement']) ? top['Statement'] : [top['Statement']];
  if (list.length === 0) return none(finding('policy-malformed', 'the list of statements is empty', name));
  const sids = list.flatMap(item => (isObject(item) && typeof item['Sid'] === 'string' ? [item['Sid']] : []));
  const again = sids.find((sid, i) => sid !== '' && sids.indexOf(sid) !== i);
  if (again !== undefined)
    findings.push(finding('policy-malformed', `two statements have the Sid ${JSON.stringify(again)}`, name));
  const variables = top['Version'] === '2012-10-17';
  if (!variables) findings.push(...versionFindings(top['Version'], list, name));
  const statements = list.flatMap((item, i) => readStatement(item, variables, `${name}: statement ${i + 1}`, findings));
  return { statements, findings, roleTags: tags };
}

/** The older version, which is also what counts where none stands, is no fault in a policy that has no variables. */
function versionFindings(version: unknown, statements: readonly unknown[], name: string): Finding[] {
  const legal = version === undefined || version === '2008-10-17';
  if (legal && !JSON.stringify(statements).includes('${')) return [];
  const why = 'Before version 2012-10-17 policy variables such as ${aws:PrincipalTag/…} are plain text.';
  const what = `Version is ${JSON.stringify(version ?? null)}`;
  return [finding('policy-malformed', what, name, { why, mend: 'Write "Version": "2012-10-17".' })];
}

function readStatement(item: unknown, variables: boolean, place: string, findings: Finding[]): ReadStatement[] {
  if (!isObject(item)) {
    findings.push(finding('policy-malformed', 'a statement is not an object', place));
    return [];
  }
  const s = spelled(item, ELEMENTS, place, findings);
  const where = typeof s['Sid'] === 'string' && s['Sid'] !== '' ? `${place} (${s['Sid']})` : place;
  const effect = s['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') {
    findings.push(
      finding('policy-malformed', `Effect is ${JSON.stringify(effect ?? null)}, not "Allow" or "Deny"`, where),
    );
    return [];
  }
  const texts = (key: string): readonly string[] | undefined => {
    const value = s[key];
    if (value === undefined) return undefined;
    const values = Array.isArray(value) ? value : [value];
    if (values.length === 0) findings.push(finding('policy-malformed', `${key} is an empty list`, where));
    if (values.every(v => typeof v === 'string')) return values;
    findings.push(finding('policy-malformed', `${key} holds something else than text`, where));
    return values.filter(v => typeof v === 'string');
  };
  const actions = texts('Action');
  const notActions = texts('NotAction');
  if ((actions === undefined) === (notActions === undefined)) {
    findings.push(finding('policy-malformed', 'exactly one of Action and NotAction is needed', where));
  }
  const strange = [...(actions ?? []), ...(notActions ?? [])].find(action => action !== '*' && !action.includes(':'));
  if (strange !== undefined)
    findings.push(
      finding('policy-malformed', `${JSON.stringify(strange)} is no action; one reads s3:GetObject`, where),
    );
  for (const [one, other] of [['Principal', 'NotPrincipal'] as const, ['Resource', 'NotResource'] as const]) {
    if (s[one] !== undefined && s[other] !== undefined)
      findings.push(finding('policy-malformed', `${one} and ${other} exclude each other`, where));
  }
  if (effect === 'Allow' && s['NotPrincipal'] !== undefined)
    findings.push(finding('policy-malformed', 'NotPrincipal goes with Deny only', where));
  return [
    {
      where,
      effect,
      principals: readPrincipals(s['Principal'] ?? s['NotPrincipal'], where, findings),
      notPrincipal: s['NotPrincipal'] !== undefined,
      actions,
      notActions,
      resources: texts('Resource'),
      notResources: texts('NotResource'),
      conditions: readConditions(s['Condition'], where, findings),
      variables,
    },
  ];
}

function readPrincipals(value: unknown, where: string, findings: Finding[]): ReadStatement['principals'] {
  if (value === undefined) return undefined;
  if (value === '*') return [{ kind: '*', value: '*' }];
  if (!isObject(value)) {
    findings.push(finding('policy-malformed', 'Principal is neither "*" nor an object', where));
    return [];
  }
  return Object.entries(value).flatMap(([kind, of]) => {
    const values: unknown[] = Array.isArray(of) ? of : [of];
    if (!PRINCIPALS.includes(kind))
      findings.push(finding('policy-malformed', `${JSON.stringify(kind)} is no kind of principal`, where));
    if (!values.every(v => typeof v === 'string'))
      findings.push(finding('policy-malformed', `Principal ${kind} holds something else than text`, where));
    return values.filter(v => typeof v === 'string').map(v => ({ kind, value: v }));
  });
}

function readConditions(value: unknown, where: string, findings: Finding[]): ReadCondition[] {
  if (value === undefined) return [];
  if (!isObject(value)) {
    findings.push(finding('policy-malformed', 'Condition is not an object', where));
    return [];
  }
  return Object.entries(value).flatMap(([written, keys]) => {
    const [, set, bare = written] = /^(ForAnyValue|ForAllValues):(.*)$/i.exec(written) ?? [];
    const ifExists = /IfExists$/i.test(bare);
    const plain = bare.replace(/IfExists$/i, '');
    const operator = OPERATORS.find(o => o.toLowerCase() === plain.toLowerCase());
    if (operator === undefined || (operator === 'Null' && ifExists)) {
      findings.push(finding('policy-operator-unknown', `${JSON.stringify(written)} is no condition operator`, where));
    } else if (operator !== plain) {
      findings.push(
        finding('policy-key-case', `${JSON.stringify(written)} is spelled ${JSON.stringify(operator)}`, where),
      );
    }
    if (!isObject(keys)) {
      findings.push(finding('policy-malformed', `what stands under ${written} is not an object`, where));
      return [];
    }
    const asked = Object.values(keys).flatMap(of => (Array.isArray(of) ? of : [of]));
    if (operator === 'Null' && !asked.every(v => /^(true|false)$/i.test(String(v))))
      findings.push(finding('policy-malformed', 'Null asks for "true" or "false" only', where));
    return Object.entries(keys).map(
      ([key, of]): ReadCondition => ({
        operator: operator ?? 'unknown',
        set: set === undefined ? undefined : /any/i.test(set) ? 'any' : 'all',
        ifExists,
        key,
        values: (Array.isArray(of) ? of : [of]).map(v => (typeof v === 'string' ? v : JSON.stringify(v))),
      }),
    );
  });
}

/** Never walks further down than the limit. */
function tooDeep(value: unknown, left = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some(inner => tooDeep(inner, left - 1));
}

/** Members by IAM's own spelling; another one is a finding, and is read all the same. */
function spelled(object: Json, known: readonly string[], where: string, findings: Finding[]): Json {
  const out: Json = {};
  for (const [key, value] of Object.entries(object)) {
    const name = known.find(k => k.toLowerCase() === key.toLowerCase());
    if (name === undefined) {
      findings.push(finding('policy-malformed', `${JSON.stringify(key)} is no element of a policy`, where));
    } else {
      if (name !== key)
        findings.push(finding('policy-key-case', `${JSON.stringify(key)} is spelled ${JSON.stringify(name)}`, where));
      out[name] = value;
    }
  }
  return out;
}
