/**
 * Checks the role's and the bucket's policies together. They may let a session list its own folder and use the objects in
 * it. Everything else that they allow is a finding.
 *
 * @module
 */
import { authorize } from '../../iam/authorize.ts';
import { evaluate } from '../../iam/evaluate.ts';
import { parsePolicy } from '../../iam/parse.ts';
import type { Statement } from '../../iam/policy.ts';
import type { Place, Plan, Role, Session } from '../../plan.ts';
import { type Finding, finding } from '../finding.ts';
import type { ReadPolicy } from '../policy/read.ts';
import { type Asker, foreignQuestions, ownQuestions, tailsOf } from '../questions.ts';
import { collect, isOpen, type Reached } from '../reach.ts';
import { checkUseless, escalations } from './beyond.ts';
import { checkBucketStatement, checkRoleStatement, checkWalletCase, roleTagged } from './statements.ts';

export interface Documents {
  readonly role?: ReadPolicy | undefined;
  readonly bucket?: ReadPolicy | undefined;
  readonly roleName: string;
  readonly bucketName: string;
}

/** `s3:*` on everything, as somebody might leave it on the role. */
const [BROAD] = parsePolicy(
  { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } },
  'identity',
  's3:*',
).statements;

/** @param place undefined where no bucket is named: then only checks that need none are made */
export function checkGrants(documents: Documents, plan: Plan, place: Place | undefined): Finding[] {
  const role = documents.role?.statements ?? [];
  const bucket = documents.bucket?.statements ?? [];
  return worst([
    ...role.flatMap(s => checkRoleStatement(s, plan)),
    ...bucket.flatMap(checkBucketStatement),
    ...[...role, ...bucket].flatMap(s => checkWalletCase(s, plan)),
    ...(documents.role?.roleTags ?? [])
      .filter(t => t.key.toLowerCase() === plan.walletTag.toLowerCase())
      .map(t => roleTagged(t.key, documents.roleName)),
    ...(place === undefined ? [] : plan.roles.flatMap(one => checkRole(documents, plan, one, place))),
    ...(place === undefined ? [] : role.flatMap(s => checkUseless(s, plan, place))),
  ]);
}

/** One finding of a code a place, the gravest. */
function worst(findings: readonly Finding[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const one of findings) {
    const key = `${one.code}\n${one.where}`;
    const before = found.get(key);
    if (before === undefined || (before.severity !== 'error' && one.severity === 'error')) found.set(key, one);
  }
  return [...found.values()];
}

function checkRole(documents: Documents, plan: Plan, of: Role, place: Place): Finding[] {
  const role = documents.role?.statements ?? [];
  const bucket = documents.bucket?.statements ?? [];
  const scene = { plan, role: of, place, tails: tailsOf([...role, ...bucket], place) };
  const askers = askersOf(plan, of, [...role, ...bucket]);
  const reached = new Map<Statement, Reached>();
  for (const asker of askers) {
    const grants = { role, bucket, narrowing: narrowingOf(asker) };
    collect(reached, grants, foreignQuestions(scene, asker));
    collect(reached, grants, escalations(role, plan, of, place, asker));
  }
  const broad = [...reached].flatMap(([statement, found]) =>
    broadFinding(found, statement, bucket.includes(statement)),
  );
  const out = [...broad, ...(bucket.length === 0 ? [] : checkBackstop(documents, scene, askers))];
  const explained = role
    .flatMap(s => checkRoleStatement(s, plan))
    .some(f => /^role-(prefix-equals|other-tag)$/.test(f.code));
  return [...out, ...checkOwn(documents, scene, askers).filter(f => !(explained && f.code === 'role-own-denied'))];
}

function broadFinding({ says, grave, denied, actions }: Reached, { where }: Statement, inBucket: boolean): Finding[] {
  const more = actions.size > 1 ? ` (and ${actions.size - 1} more actions)` : '';
  if (!grave) return denied ? [] : [finding('grant-extra', `it lets ${says}${more}`, where)];
  const code = inBucket ? 'bucket-broad' : 'role-broad';
  if (!denied) return [finding(code, `it lets ${says}${more}`, where)];
  return [finding(code, `it lets ${says}${more}; only a Deny stands against it`, where, { severity: 'warning' })];
}

/** What the bucket alone refuses, should somebody leave `s3:*` on the role. */
function checkBackstop(documents: Documents, scene: Scene, askers: readonly Asker[]): Finding[] {
  const bucket = documents.bucket?.statements ?? [];
  const name = documents.bucketName;
  const broad = BROAD === undefined ? [] : [BROAD];
  const hole = (asker: Asker) =>
    foreignQuestions(scene, asker).find(
      q => q.grave && isOpen(authorize({ identity: broad, resource: bucket }, q.request).decision),
    );
  // Ceph's policies are written out for each wallet, so there they can't refuse one that nobody has.
  const tagged = askers.filter(
    asker =>
      asker !== undefined &&
      asker.policy === undefined &&
      (scene.plan.dialect === 'aws' || scene.plan.sessions.includes(asker)),
  );
  const found = tagged.map(hole).find(q => q !== undefined);
  if (found !== undefined)
    return [finding('bucket-no-deny', `with s3:* on the role nothing refuses: ${found.says}`, name)];
  const untagged = askers.includes(undefined) ? hole(undefined) : undefined;
  if (untagged === undefined) return [];
  return [finding('bucket-untagged', `with s3:* on the role nothing refuses: ${untagged.says}`, name)];
}

/** Whether each workload reaches its own folder. */
function checkOwn(documents: Documents, scene: Scene, askers: readonly Asker[]): Finding[] {
  const { role, bucket } = documents;
  const resource = bucket?.statements ?? [];
  for (const asker of askers) {
    if (asker === undefined || !scene.plan.sessions.includes(asker)) continue;
    for (const { says, request } of ownQuestions(scene, asker)) {
      const byBucket = evaluate(resource, request);
      if (byBucket.decision === 'denied')
        return [finding('bucket-own-denied', `it denies ${says}`, byBucket.by[0]?.where ?? documents.bucketName)];
      if (role === undefined || role.statements.length === 0) continue;
      const policies = { identity: role.statements, resource, narrowing: narrowingOf(asker) };
      if (!isOpen(authorize(policies, request).decision))
        return [finding('role-own-denied', `not allowed: ${says}`, documents.roleName)];
    }
  }
  return [];
}

type Scene = Parameters<typeof foreignQuestions>[0];

function narrowingOf(asker: Asker): readonly (readonly Statement[])[] {
  return asker?.policy === undefined ? [] : [parsePolicy(asker.policy, 'session', 'session policy').statements];
}

/** So many sessions are checked, beside those whose wallet the policies name and those of other holders of tokens. */
const SOME = 20;

function askersOf(plan: Plan, role: Role, statements: readonly Statement[]): readonly Asker[] {
  const text = JSON.stringify(statements).toLowerCase();
  const own = plan.sessions.filter(s => s.roleArn === role.arn);
  const some = own.filter(({ wallet }, i) => i < SOME || text.includes(wallet));
  // A session policy narrows every session of such a role: nobody else's tokens become it.
  if (own.length > 0 && own.every(s => s.policy !== undefined)) return some;
  return [undefined, unknownWalletOf(plan, role), ...some];
}

/** A wallet that no workload of this configuration has: every holder of the issuer's tokens may become the role. */
function unknownWalletOf(plan: Plan, role: Role): Session {
  const wallet = `0x${'d'.repeat(40)}`;
  const { issuer = '', audience = '' } = role.providers[0] ?? {};
  const tags = { ...plan.sessions[0]?.tags, [plan.walletTag]: wallet };
  const token = { issuer, audience, subject: `agentkeys:agent:${wallet}`, tags, policy: undefined };
  return { ...token, wallet, roleArn: role.arn, name: `${wallet}@another` };
}
