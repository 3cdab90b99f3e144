/**
 * The check of an inline session policy: it can only narrow what the role may, and it must narrow it to the wallet.
 *
 * Every Allow statement holds the wallet in each `Resource`, or in a condition on `s3:prefix`, after `${wallet}` has been
 * replaced. `NotResource` and `NotAction` are refused: AWS adds actions, and what they leave open grows.
 *
 * @module
 */
import { parsePolicy } from '../../aws/iam/parse.ts';
import type { Condition, Statement } from '../../aws/iam/policy.ts';
import type { Wallet } from '../../workload/wallet.ts';

/** A text of this length holds no policy that STS takes: without white space it may have 2,048 characters. */
const MAX_CHARACTERS = 16_384;

/**
 * @param template the text of the policy file
 * @returns the policy as it is sent, compact JSON; or what is wrong with it, a clause each
 */
export function sessionPolicyFor(
  template: string,
  wallet: Wallet,
): { readonly policy: string } | { readonly problems: readonly string[] } {
  if (template.length > MAX_CHARACTERS) return { problems: ['far over the 2048 characters that STS takes'] };
  const text = template.replaceAll('${wallet}', wallet);
  const { statements, findings } = parsePolicy(text, 'session', '');
  const problems = [
    ...findings.map(({ where, what, fix }) => [where, what, fix].filter(part => part).join(': ')),
    ...statements.flatMap(statement => problemsOf(statement, wallet).map(what => `${statement.where}: ${what}`)),
  ];
  if (problems.length > 0) return { problems };
  const policy = JSON.stringify(JSON.parse(text));
  if (!/^[\t\n\r\x20-\xff]*$/.test(policy)) return { problems: ['a character beyond U+00FF, which STS refuses'] };
  return { policy };
}

function problemsOf(statement: Statement, wallet: Wallet): string[] {
  const { effect, resources = [], notAction, notResource, conditions } = statement;
  const negated = [...(notAction ? ['NotAction'] : []), ...(notResource ? ['NotResource'] : [])];
  if (negated.length > 0) return negated.map(name => `"${name}" is refused; name what is allowed instead`);
  if (effect === 'Deny' || resources.every(text => holds(text, wallet))) return [];
  if (conditions.some(condition => confinesPrefix(condition, wallet))) return [];
  return [
    'the wallet is neither in every Resource nor in a condition on s3:prefix; write ${wallet}/* there (a "/" after it, no wildcard in front of it)',
  ];
}

/**
 * Whether the wallet is in a pattern as a whole and at a fixed place. No wildcard may be in front of it, since `*`
 * would let it match inside a foreign prefix. A `/` or the end must follow it, since `0x…*` also matches a longer name.
 */
function holds(pattern: string, wallet: Wallet): boolean {
  const at = pattern.indexOf(wallet);
  if (at < 0 || /[*?$]/.test(pattern.slice(0, at))) return false;
  const behind = pattern.charAt(at + wallet.length);
  return behind === '' || behind === '/';
}

/** One positive test of `s3:prefix`, each value of which holds the wallet. `…IfExists` and `ForAllValues` pass without it. */
function confinesPrefix({ operator, set, ifExists, key, values }: Condition, wallet: Wallet): boolean {
  const positive = /^String(Equals|Like)$/.test(operator) && set !== 'ForAllValues' && !ifExists;
  return positive && key.toLowerCase() === 's3:prefix' && values.every(value => holds(value, wallet));
}
