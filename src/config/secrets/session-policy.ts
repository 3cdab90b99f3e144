/**
 * The check of an inline session policy: it can only narrow what the role may, and it must narrow it to the wallet.
 *
 * Every Allow statement holds the wallet in each `Resource`, or in a condition on `s3:prefix`, after `${wallet}` has been
 * replaced. `NotResource`, `NotAction` and `NotPrincipal` are refused: what they leave open grows by itself.
 *
 * @module
 */
import { parseDocument } from 'yaml';
import type { Wallet } from '../../workload/wallet.ts';

/** STS's limit on the plain text of an inline session policy. */
const MAX_CHARACTERS = 2_048;

const ELEMENTS = new Set(['Sid', 'Effect', 'Action', 'Resource', 'Condition']);

/**
 * @param template the text of the policy file
 * @returns the policy as it is sent, compact JSON; or what is wrong with it, each a sentence with its mend
 */
export function sessionPolicyFor(
  template: string,
  wallet: Wallet,
): { readonly policy: string } | { readonly problems: readonly string[] } {
  // What is that long can't be short enough without its white space either, and may be nested beyond what recursion takes.
  if (template.length > 8 * MAX_CHARACTERS)
    return { problems: [`far over the ${MAX_CHARACTERS} characters that STS takes`] };
  const text = template.replaceAll('${wallet}', wallet);
  let parsed: unknown;
  let policy: string;
  try {
    parsed = JSON.parse(text);
    policy = JSON.stringify(parsed);
  } catch (error) {
    return { problems: [error instanceof RangeError ? 'nested too deeply' : 'not JSON'] };
  }
  const problems = [...findings(parsed, wallet)];
  if (policy.length > MAX_CHARACTERS) problems.push(`${policy.length} characters; STS takes ${MAX_CHARACTERS}`);
  // JSON.parse takes the last of two members of one name, another reader the first: then two policies would be meant.
  else if (hasDuplicates(text)) problems.push('a member is written twice');
  if (!/^[\t\n\r\x20-\xff]*$/.test(policy)) problems.push('a character beyond U+00FF, which STS refuses');
  return problems.length > 0 ? { problems } : { policy };
}

/** JSON is YAML, whose reader notices. */
function hasDuplicates(json: string): boolean {
  return parseDocument(json, { prettyErrors: false }).errors.some(({ code }) => code === 'DUPLICATE_KEY');
}

function* findings(policy: unknown, wallet: Wallet): Iterable<string> {
  if (!isObject(policy)) return yield 'not a JSON object';
  for (const name of Object.keys(policy)) {
    if (!['Version', 'Id', 'Statement'].includes(name))
      yield `"${name}" is no part of a policy; known: Version, Id, Statement`;
  }
  const statements = Array.isArray(policy['Statement']) ? policy['Statement'] : [policy['Statement']];
  if (policy['Statement'] === undefined || statements.length === 0) return yield 'no Statement';
  for (const [i, statement] of statements.entries()) {
    const where = `Statement ${i + 1}`;
    if (!isObject(statement)) yield `${where} is not a JSON object`;
    else for (const finding of statementFindings(statement, wallet)) yield `${where}: ${finding}`;
  }
}

function* statementFindings(statement: Record<string, unknown>, wallet: Wallet): Iterable<string> {
  for (const name of Object.keys(statement)) {
    if (/^not(resource|action|principal)$/i.test(name)) yield `"${name}" is refused; name what is allowed instead`;
    else if (!ELEMENTS.has(name)) yield `"${name}" is not for a session policy; known: ${[...ELEMENTS].join(', ')}`;
  }
  const { Effect: effect, Action: action, Resource: resource, Condition: condition } = statement;
  if (effect !== 'Allow' && effect !== 'Deny') yield 'Effect must be "Allow" or "Deny"';
  if (!isTexts(action)) yield 'Action must be a string or a list of strings';
  if (!isTexts(resource)) yield 'Resource must be a string or a list of strings';
  for (const tests of Object.values(isObject(condition) ? condition : {})) {
    const keys = Object.keys(isObject(tests) ? tests : {}).map(key => key.toLowerCase());
    if (new Set(keys).size < keys.length)
      yield 'a Condition has a key twice: IAM takes keys that differ in case for one';
  }
  if (effect === 'Deny' || !isTexts(resource)) return;
  const inResource = listOf(resource).every(item => holds(item, wallet));
  if (!inResource && !confinesPrefix(condition, wallet)) {
    yield 'the wallet is neither in every Resource nor in a condition on s3:prefix; write ${wallet}/* there (a "/" after it, no wildcard in front of it)';
  }
}

/**
 * Whether the wallet stands in a pattern as a whole and at a fixed place: nothing in front of it that can stretch
 * (`*` would let it match inside a foreign prefix), and a `/` or the end behind it (`0x…*` also matches a longer name).
 */
function holds(pattern: string, wallet: Wallet): boolean {
  const at = pattern.indexOf(wallet);
  if (at < 0 || /[*?$]/.test(pattern.slice(0, at))) return false;
  const behind = pattern.charAt(at + wallet.length);
  return behind === '' || behind === '/';
}

/** One positive test of `s3:prefix`, each value of which holds the wallet. `…IfExists` and `ForAllValues` pass without it. */
function confinesPrefix(condition: unknown, wallet: Wallet): boolean {
  if (!isObject(condition)) return false;
  return Object.entries(condition).some(
    ([operator, tests]) =>
      /^(ForAnyValue:)?String(Equals|Like)$/.test(operator) &&
      isObject(tests) &&
      Object.entries(tests).some(
        ([key, values]) =>
          key.toLowerCase() === 's3:prefix' && isTexts(values) && listOf(values).every(value => holds(value, wallet)),
      ),
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: string | string[]): string[] => (Array.isArray(value) ? value : [value]);
const isTexts = (value: unknown): value is string | string[] =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.length > 0 && value.every(item => typeof item === 'string'));
