/**
 * What a single statement of a role's or a bucket's policy shows to be wrong, whichever bucket it is about.
 *
 * @module
 */
import { matchesAction } from '../../iam/evaluate.ts';
import type { Condition, Statement } from '../../iam/policy.ts';
import type { Plan } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';

/** `s3:prefix` is a key of these alone. */
const LISTINGS = ['s3:listbucket', 's3:listbucketversions', 's3:listbucketmultipartuploads'];

export function checkRoleStatement(statement: Statement, plan: Plan): Finding[] {
  if (statement.effect === 'Deny') return [];
  const { conditions, where } = statement;
  const onPrefix = conditions.filter(c => c.key.toLowerCase() === 's3:prefix');
  return [
    ...onPrefix
      .filter(c => c.operator === 'StringEquals' && c.values.every(v => v !== '' && v.endsWith('/')))
      .map(c => finding('role-prefix-equals', `StringEquals s3:prefix ${c.values.join(', ')}`, where)),
    ...(onPrefix.some(isPositive) ? prefixOnOthers(statement) : []),
    ...(statement.notAction || statement.notResource
      ? [finding('role-negated', 'an Allow is written by what it leaves out', where)]
      : []),
    ...otherTag(statement, plan),
  ];
}

function isPositive({ operator, ifExists, set }: Condition): boolean {
  return /^String(Equals|Like)/.test(operator) && !ifExists && set !== 'ForAllValues';
}

/** Actions beside listing, in a statement with a condition that only listing can meet. */
function prefixOnOthers(statement: Statement): Finding[] {
  const { where, actions } = statement;
  if (matchesAction(statement, 's3:GetObject'))
    return [finding('role-prefix-on-objects', 'one statement asks s3:prefix of listing and of objects', where)];
  const never = actions.filter(action => /^s3:\w+$/i.test(action) && !LISTINGS.includes(action.toLowerCase()));
  if (never.length === 0) return [];
  const what = `${never.join(', ')} is never allowed by it: only listing has s3:prefix`;
  return [finding('role-prefix-on-objects', what, where, { severity: 'warning' })];
}

function otherTag({ resources, conditions, where }: Statement, plan: Plan): Finding[] {
  const text = JSON.stringify([resources, conditions]);
  const tags = [...text.matchAll(/\$\{aws:PrincipalTag\/([^},"]+)/gi)].map(m => m[1] ?? '');
  const known = [plan.walletTag, ...plan.tagKeys].map(key => key.toLowerCase());
  const other = tags.find(tag => !known.includes(tag.toLowerCase()));
  if (other === undefined) return [];
  return [finding('role-other-tag', `it asks for the tag ${other}; the tokens carry ${plan.walletTag}`, where)];
}

/** A role that was deleted stands in a bucket's policy by its id. */
export function checkBucketStatement({ principals, where }: Statement): Finding[] {
  const stale = principals?.find(p => p.kind === 'AWS' && /^A(ROA|IDA)[A-Z0-9]+$/.test(p.value));
  return stale === undefined ? [] : [finding('bucket-stale-principal', `its principal is ${stale.value}`, where)];
}

/** A wallet written out in anything but lower case. */
export function checkWalletCase({ resources, conditions, where }: Statement, plan: Plan): Finding[] {
  const text = JSON.stringify([resources, conditions]);
  const written = text.match(/0[xX][0-9a-fA-F]{40}/g)?.find(w => w !== w.toLowerCase());
  if (written === undefined) return [];
  const known = plan.wallets.includes(written.toLowerCase()) ? ', a wallet of this configuration,' : '';
  return [finding('wallet-case', `${written}${known} is not in lower case`, where)];
}

/** The role carries a tag named like the wallet tag. */
export function roleTagged(key: string, where: string): Finding {
  return finding('role-tagged', `the role itself carries the tag ${key}`, where);
}
