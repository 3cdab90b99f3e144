/**
 * A policy document → its statements, and everything that IAM or S3 would refuse in it.
 *
 * A faulty policy is read as far as possible, so that `doctor` can check it. Code that enforces policies refuses a document
 * with findings: see {@link refusals}.
 *
 * @module
 */
import { isObject, parseStrictJson, StrictJsonError } from '../../lib/json.ts';
import { conditionsOf, type Json, principalsOf, type Report, resourceForm, spelled, textsOf } from './elements.ts';
import type { Policy, PolicyFinding, PolicyKind, Statement } from './policy.ts';

/** Characters; five times S3's limit, which is the largest. */
export const MAX_POLICY = 100 * 1024;

/**
 * Characters without white space. Trust policies: 2,048 unless the account's quota is raised. The inline policies of a role
 * share 10,240. Bucket policies: 20 KB.
 */
const SIZES: Record<PolicyKind, { limit: number; usual?: number; of: string }> = {
  trust: { limit: 8_192, usual: 2_048, of: 'a trust policy' },
  identity: { limit: 10_240, of: 'the inline policies of a role' },
  resource: { limit: 20_480, of: 'a bucket policy' },
  session: { limit: 2_048, of: 'a session policy' },
};

const ELEMENTS = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource'];

/**
 * @param document JSON text, or a value as `JSON.parse` gives it
 * @param name what findings call it: a file's path
 */
export function parsePolicy(document: unknown, kind: PolicyKind, name: string): Policy {
  const findings: PolicyFinding[] = [];
  const report: Report = (code, what, place = {}) =>
    void findings.push({ where: name, key: undefined, code, what, ...place });
  const value = typeof document === 'string' ? parseText(document, report) : document;
  const statements = value === undefined ? [] : statementsOf(value, kind, name, report);
  return { statements, findings };
}

/** What stands in the way of a document that shall be enforced. */
export function refusals({ findings }: Policy): readonly PolicyFinding[] {
  return findings.filter(finding => finding.accepted !== true);
}

/** JSON text → its value; undefined where it is none, which is reported. */
export function parseText(text: string, report: Report): unknown {
  if (text.length > MAX_POLICY) return report('too-large', `${text.length} characters are no policy`);
  const bom = text.startsWith('\uFEFF');
  if (bom) report('bom', 'the text begins with a byte order mark');
  return parseJson(bom ? text.slice(1) : text, report);
}

/** JSON in which no member stands twice: IAM's grammar forbids it, and readers differ on which one counts. */
function parseJson(text: string, report: Report): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    if (error.member !== undefined) {
      report('malformed', `${JSON.stringify(error.member)} stands twice in one object`);
      return JSON.parse(text);
    }
    if (error.message.startsWith('nested')) return report('malformed', error.message);
    const kind = /^\s*</.test(text) ? 'HTML or XML, not JSON' : text.trim() === '' ? 'empty' : 'not JSON';
    return report('not-json', `it is ${kind}`);
  }
}

function statementsOf(value: unknown, kind: PolicyKind, name: string, report: Report): Statement[] {
  const none = (what: string) => {
    report('malformed', what);
    return [];
  };
  if (!isObject(value)) return none('it is not a JSON object with a Statement');
  checkSize(JSON.stringify(value).length, kind, report);
  const top = spelled(value, ['Version', 'Id', 'Statement'], report);
  const variables = hasVariables(top['Version'], top['Statement'], report);
  if (top['Statement'] === undefined) return none('there is no Statement');
  const list: unknown[] = Array.isArray(top['Statement']) ? top['Statement'] : [top['Statement']];
  if (list.length === 0) return none('the list of statements is empty');
  const sids = list.flatMap(item => (isObject(item) && typeof item['Sid'] === 'string' ? [item['Sid']] : []));
  const again = sids.find((sid, i) => sid !== '' && sids.indexOf(sid) !== i);
  if (again !== undefined) report('malformed', `two statements have the Sid ${JSON.stringify(again)}`);
  return list.flatMap((item, i) => {
    const place = `${name}${name === '' ? '' : ': '}statement ${i + 1}`;
    const sid = isObject(item) ? item['Sid'] : undefined;
    const where = typeof sid === 'string' && sid !== '' ? `${place} (${sid})` : place;
    return statementOf(item, kind, variables, where, (code, what, at) => report(code, what, { where, ...at }));
  });
}

function checkSize(size: number, kind: PolicyKind, report: Report): void {
  const { limit, usual = limit, of } = SIZES[kind];
  if (size <= usual) return;
  const accepted = size <= limit;
  report('size', `${size} characters; ${of} may have ${accepted ? usual : limit}`, accepted ? { accepted } : {});
}

/** The older version, which also counts where none stands, is no fault in a policy without variables. */
function hasVariables(version: unknown, statements: unknown, report: Report): boolean {
  if (version === '2012-10-17') return true;
  if (version !== undefined && version !== '2008-10-17')
    report('malformed', `Version is ${JSON.stringify(version)}`, {
      key: 'Version',
      fix: 'Write "Version": "2012-10-17".',
    });
  else if (JSON.stringify(statements)?.includes('${'))
    report('version', `Version is ${version ?? 'missing'}, and the policy has \${…}`, {
      key: 'Version',
      accepted: true,
    });
  return false;
}

function statementOf(item: unknown, kind: PolicyKind, variables: boolean, where: string, report: Report): Statement[] {
  if (!isObject(item)) {
    report('malformed', 'a statement is not an object');
    return [];
  }
  const s = spelled(item, [...ELEMENTS, 'Condition'], report);
  const effect = s['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') {
    const what = `Effect is ${JSON.stringify(effect ?? null)}, not "Allow" or "Deny"`;
    report('malformed', what, { key: 'Effect' });
    return [];
  }
  excluding(s, report);
  if (effect === 'Allow' && s['NotPrincipal'] !== undefined)
    report('malformed', 'NotPrincipal goes with Deny only', { key: 'NotPrincipal' });
  const [action, resource] = [s['Action'] ?? s['NotAction'], s['Resource'] ?? s['NotResource']];
  const actions = textsOf(action, s['Action'] === undefined ? 'NotAction' : 'Action', report) ?? [];
  const resources = textsOf(resource, s['Resource'] === undefined ? 'NotResource' : 'Resource', report);
  const principals = principalsOf(s, kind, report);
  if (action === undefined) report('malformed', 'it has no Action', { key: 'Action' });
  checkActions(actions, kind, report);
  checkPresence(kind, principals !== undefined, resources !== undefined, report);
  for (const text of resources ?? []) resourceForm(text, report);
  const statement: Statement = {
    where,
    sid: typeof s['Sid'] === 'string' ? s['Sid'] : undefined,
    effect,
    principals,
    notPrincipal: s['Principal'] === undefined && s['NotPrincipal'] !== undefined,
    actions,
    notAction: s['Action'] === undefined && s['NotAction'] !== undefined,
    resources,
    notResource: s['Resource'] === undefined && s['NotResource'] !== undefined,
    conditions: conditionsOf(s['Condition'], report),
    variables,
  };
  return [statement];
}

function excluding(statement: Json, report: Report): void {
  for (const name of ['Principal', 'Action', 'Resource']) {
    if (statement[name] !== undefined && statement[`Not${name}`] !== undefined)
      report('malformed', `${name} and Not${name} exclude each other`, { key: `Not${name}` });
  }
}

function checkActions(actions: readonly string[], kind: PolicyKind, report: Report): void {
  const strange = actions.find(action => action !== '*' && !/^[\w-]+:[\w*?-]+$/.test(action));
  if (strange !== undefined)
    report('malformed', `${JSON.stringify(strange)} is no action; one reads s3:GetObject`, { key: 'Action' });
  // IAM: "AssumeRole policy may only specify STS AssumeRole actions."
  const other = kind === 'trust' ? actions.find(action => !/^sts:/i.test(action)) : undefined;
  if (other !== undefined)
    report('malformed', `a trust policy takes STS's actions only (sts:…), not ${JSON.stringify(other)}`, {
      key: 'Action',
    });
}

function checkPresence(kind: PolicyKind, principal: boolean, resource: boolean, report: Report): void {
  const own = kind === 'identity' ? "a role's own policy" : 'a session policy';
  const demands = kind === 'trust' || kind === 'resource';
  if (demands && !principal) report('malformed', 'it has no Principal', { key: 'Principal' });
  if (!demands && principal) report('malformed', `${own} takes no Principal`, { key: 'Principal' });
  if (kind === 'trust' && resource) report('malformed', 'a trust policy takes no Resource', { key: 'Resource' });
  if (kind !== 'trust' && !resource) report('malformed', 'it has no Resource', { key: 'Resource' });
}
