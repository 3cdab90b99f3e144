/**
 * The account's own documents, judged like those in files, and what only the account can tell: a role's tags, its longest
 * session, the provider's audiences.
 *
 * @module
 */
import { type Account, AccountUnreadable, readProvider, readRole } from '../../account.ts';
import { bucketsOf, readBucketPolicy } from '../../account-bucket.ts';
import type { Plan, Role } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';
import { type ReadPolicy, readPolicy } from '../policy/read.ts';
import { checkGrants, roleTagged } from './grants.ts';
import { checkTrust } from './trust.ts';

/** @param bucket the bucket's policy, where one was given as a file; otherwise those of the buckets that the roles name are read */
export async function checkAccount(account: Account, plan: Plan, bucket: ReadPolicy | undefined): Promise<Finding[]> {
  const out: Finding[] = [];
  for (const provider of plan.providers) {
    out.push(
      ...(await findingsOf(async () => {
        const found = await readProvider(account, plan, provider.arn);
        if (found === undefined)
          return [finding('account-missing', 'the OIDC provider is not registered', provider.arn)];
        if (found.audiences.includes(provider.audience)) return [];
        return [
          finding('trust-audience', `the provider does not list the audience ${provider.audience}`, provider.arn),
        ];
      })),
    );
  }
  for (const role of plan.roles) out.push(...(await findingsOf(() => checkRole(account, plan, role, bucket))));
  return out;
}

async function checkRole(account: Account, plan: Plan, role: Role, bucket: ReadPolicy | undefined): Promise<Finding[]> {
  const found = await readRole(account, plan, role);
  const own: Plan = { ...plan, roles: [role], providers: role.providers };
  if (found.arn !== role.arn) {
    const what = found.arn === '' ? 'IAM says no ARN of it' : `the account has ${found.arn}`;
    return [finding('account-missing', `${what}, the configuration ${role.arn}`, `role ${role.name}`)];
  }
  const trust = readPolicy(found.trust, `role ${role.name}, trust policy`);
  const parts = found.policies.map(({ name, text }) => readPolicy(text, name));
  const together: ReadPolicy = { statements: parts.flatMap(p => p.statements), findings: [], roleTags: [] };
  const out = [
    ...trust.findings,
    ...checkTrust(trust, own, `role ${role.name}, trust policy`),
    ...parts.flatMap(p => p.findings),
    ...found.tagKeys.filter(k => k.toLowerCase() === plan.walletTag.toLowerCase()).map(k => roleTagged(k, role.arn)),
  ];
  const buckets = bucket === undefined ? await bucketsIn(account, plan, together) : { policy: bucket, findings: [] };
  out.push(...buckets.findings);
  if (parts.length === 0) out.push(finding('account-missing', 'the role has no permission policy', role.arn));
  out.push(
    ...checkGrants(
      {
        role: together,
        ...(buckets.policy === undefined ? {} : { bucket: buckets.policy }),
        roleName: role.arn,
        bucketName: "the bucket's policy",
      },
      own,
    ),
  );
  if (found.maxSessionDuration < role.maxSessionDuration && role.maxSessionDuration > 3600) {
    const what = `sessions of ${role.maxSessionDuration} s are asked for, the role gives at most ${found.maxSessionDuration}`;
    out.push(finding('account-session-long', what, role.arn));
  }
  return out;
}

/** The policies of every bucket that the role's grants name, as one. */
async function bucketsIn(
  account: Account,
  plan: Plan,
  role: ReadPolicy,
): Promise<{ policy: ReadPolicy | undefined; findings: Finding[] }> {
  const findings: Finding[] = [];
  const policies: ReadPolicy[] = [];
  for (const bucket of bucketsOf(role.statements)) {
    const read = await readBucketPolicy(account, plan, bucket);
    if ('found' in read) findings.push(read.found);
    else if (read.policy.statements.length > 0) policies.push(read.policy);
    else if (read.policy.findings.length === 0)
      findings.push(finding('bucket-no-deny', 'it has no policy', `bucket ${bucket}`));
    if ('policy' in read) findings.push(...read.policy.findings);
  }
  if (policies.length === 0) return { policy: undefined, findings };
  return { policy: { statements: policies.flatMap(p => p.statements), findings: [], roleTags: [] }, findings };
}

async function findingsOf(check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof AccountUnreadable) return [error.found];
    throw error;
  }
}
