/**
 * Checks the account's own documents as those in files are checked. It also checks what only the account knows: a role's
 * tags, its longest session, the provider's audiences.
 *
 * @module
 */
import { type Account, AccountUnreadable, readProvider, readRole } from '../../account.ts';
import { readBucketPolicy } from '../../account-bucket.ts';
import { evaluate } from '../../iam/evaluate.ts';
import type { Place, Plan, Role } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';
import { type ReadPolicy, readPolicy } from '../policy/read.ts';
import { ownQuestions } from '../questions.ts';
import { checkGrants } from './grants.ts';
import { roleTagged } from './statements.ts';
import { checkTrust } from './trust.ts';

/**
 * @param place the bucket that it is about; without it permissions are read and not checked
 * @param bucket the bucket's policy, where one was given as a file; otherwise the bucket's own is read
 */
export async function checkAccount(
  account: Account,
  plan: Plan,
  place: Place | undefined,
  bucket: ReadPolicy | undefined,
): Promise<Finding[]> {
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
  const policy =
    bucket === undefined && place !== undefined ? await bucketOf(account, plan, place) : { bucket, findings: [] };
  out.push(...policy.findings);
  for (const role of plan.roles)
    out.push(...(await findingsOf(() => checkRole(account, plan, role, place, policy.bucket))));
  return out;
}

async function checkRole(
  account: Account,
  plan: Plan,
  role: Role,
  place: Place | undefined,
  bucket: ReadPolicy | undefined,
): Promise<Finding[]> {
  const found = await readRole(account, plan, role);
  const own: Plan = { ...plan, roles: [role], providers: role.providers };
  if (found.arn !== role.arn) {
    const what = found.arn === '' ? 'IAM says no ARN of it' : `the account has ${found.arn}`;
    return [finding('account-missing', `${what}, the configuration ${role.arn}`, `role ${role.name}`)];
  }
  const trust = readPolicy(found.trust, 'trust', `role ${role.name}, trust policy`);
  const parts = found.policies.map(({ name, text }) => readPolicy(text, 'identity', name));
  const together: ReadPolicy = { statements: parts.flatMap(p => p.statements), findings: [], roleTags: [] };
  const out = [
    ...trust.findings,
    ...checkTrust(trust, own, `role ${role.name}, trust policy`),
    ...parts.flatMap(p => p.findings),
    ...found.tagKeys.filter(k => k.toLowerCase() === plan.walletTag.toLowerCase()).map(k => roleTagged(k, role.arn)),
  ];
  if (parts.length === 0) out.push(finding('account-missing', 'the role has no permission policy', role.arn));
  out.push(
    ...checkGrants(
      {
        role: together,
        bucket,
        roleName: role.arn,
        bucketName: "the bucket's policy",
      },
      own,
      place,
    ),
  );
  if (found.boundary !== undefined && place !== undefined) {
    const { name, text } = found.boundary;
    const boundary = readPolicy(text, 'identity', `permissions boundary ${name}`);
    out.push(...boundary.findings, ...checkBoundary(boundary, own, role, place, name));
  }
  if (found.maxSessionDuration < role.maxSessionDuration && role.maxSessionDuration > 3600) {
    const what = `sessions of ${role.maxSessionDuration} s are asked for, the role gives at most ${found.maxSessionDuration}`;
    out.push(finding('account-session-long', what, role.arn));
  }
  return out;
}

/** A boundary grants nothing; it must let through what the role's own policy grants. */
function checkBoundary(boundary: ReadPolicy, plan: Plan, role: Role, place: Place, name: string): Finding[] {
  const lost = plan.sessions
    .flatMap(session => ownQuestions({ plan, role, place }, session))
    .find(({ request }) => evaluate(boundary.statements, request).decision !== 'allowed');
  return lost === undefined ? [] : [finding('account-boundary', `it does not allow: ${lost.says}`, name)];
}

/** The bucket's own policy, as S3 has it. */
async function bucketOf(
  account: Account,
  plan: Plan,
  { bucket }: Place,
): Promise<{ bucket: ReadPolicy | undefined; findings: readonly Finding[] }> {
  const read = await readBucketPolicy(account, plan, bucket);
  if ('found' in read) return { bucket: undefined, findings: [read.found] };
  const { policy } = read;
  if (policy.statements.length > 0) return { bucket: policy, findings: policy.findings };
  const none = finding('bucket-no-deny', 'it has no policy', `bucket ${bucket}`);
  return { bucket: undefined, findings: policy.findings.length > 0 ? policy.findings : [none] };
}

async function findingsOf(check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof AccountUnreadable) return [error.found];
    throw error;
  }
}
