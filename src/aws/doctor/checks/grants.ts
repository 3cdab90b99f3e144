/**
 * The role's and the bucket's policies: each alone, and what is left of the isolation when the other fails.
 *
 * @module
 */

import type { Place, Plan, Session } from '../../plan.ts';
import { foreignQuestions, ownQuestions, placesOf } from '../../verify/prefixes.ts';
import { type Finding, finding } from '../finding.ts';
import { actionMatches, evaluate } from '../policy/evaluate.ts';
import type { ReadPolicy, ReadStatement } from '../policy/read.ts';

/** `s3:*` on everything, as somebody might leave it on the role. */
const BROAD: ReadStatement = {
  where: 's3:*',
  effect: 'Allow',
  principals: undefined,
  notPrincipal: false,
  actions: ['s3:*'],
  notActions: undefined,
  resources: ['*'],
  notResources: undefined,
  conditions: [],
  variables: true,
};

export interface Grants {
  readonly role?: ReadPolicy;
  readonly bucket?: ReadPolicy;
  readonly roleName: string;
  readonly bucketName: string;
}

export function checkGrants(grants: Grants, plan: Plan): Finding[] {
  const role = grants.role?.statements ?? [];
  const bucket = grants.bucket?.statements ?? [];
  const places = placesOf([...role, ...bucket], plan);
  return [
    ...role.flatMap(s => formOf(s, 'identity')),
    ...bucket.flatMap(s => formOf(s, 'bucket')),
    ...worst(
      // A statement may name one role and not another, so each is asked for by itself.
      plan.roles.flatMap(one => {
        const alone: Plan = { ...plan, roles: [one], providers: one.providers };
        return [
          ...(role.length > 0 ? checkRole(role, bucket, alone, places, grants.roleName) : []),
          ...(bucket.length > 0 ? checkBucket(bucket, alone, places, grants.bucketName) : []),
        ];
      }),
    ),
    ...checkWalletCase([...role, ...bucket], plan),
    ...(grants.role?.roleTags ?? [])
      .filter(t => same(t.key, plan.walletTag))
      .map(t => roleTagged(t.key, grants.roleName)),
  ];
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

/** Elements that IAM and S3 demand or refuse, by the kind of policy. */
export function formOf(statement: ReadStatement, kind: 'identity' | 'bucket' | 'trust'): Finding[] {
  const { where, principals, resources, notResources } = statement;
  const resource = resources !== undefined || notResources !== undefined;
  const out: string[] = [];
  if (kind === 'identity' && principals !== undefined) out.push("a role's own policy takes no Principal");
  if (kind !== 'identity' && (principals === undefined || principals.length === 0)) out.push('it has no Principal');
  const actions = [...(statement.actions ?? []), ...(statement.notActions ?? [])];
  const strange = kind === 'trust' ? actions.find(action => !/^sts:/i.test(action)) : undefined;
  if (strange !== undefined) out.push(`a trust policy takes STS's actions only, not ${strange}`);
  if (kind === 'trust' && resource) out.push('a trust policy takes no Resource');
  if (kind !== 'trust' && !resource) out.push('it has no Resource');
  return out.map(what => finding('policy-malformed', what, where));
}

/** The role carries a tag named like the wallet tag. */
export function roleTagged(key: string, where: string): Finding {
  return finding('role-tagged', `the role itself carries the tag ${key}`, where);
}

function checkRole(
  role: readonly ReadStatement[],
  bucket: readonly ReadStatement[],
  plan: Plan,
  places: readonly Place[],
  name: string,
): Finding[] {
  const out: Finding[] = [];
  for (const statement of role.filter(s => s.effect === 'Allow')) {
    const onPrefix = statement.conditions.filter(c => same(c.key, 's3:prefix'));
    if (onPrefix.length > 0 && actionMatches(statement, 's3:GetObject')) {
      out.push(
        finding('role-prefix-on-objects', 'one statement asks s3:prefix of listing and of objects', statement.where),
      );
    }
    for (const { operator, values } of onPrefix) {
      if (operator === 'StringEquals' && values.every(v => v.endsWith('/'))) {
        out.push(finding('role-prefix-equals', `StringEquals s3:prefix ${values.join(', ')}`, statement.where));
      }
    }
    if (statement.notActions !== undefined || statement.notResources !== undefined) {
      out.push(finding('role-negated', 'an Allow is written by what it leaves out', statement.where));
    }
    const text = JSON.stringify([statement.resources, statement.conditions]);
    const tags = [...text.matchAll(/\$\{aws:PrincipalTag\/([^},]+)/gi)].map(m => m[1] ?? '');
    const other = tags.find(t => !same(t, plan.walletTag) && !plan.tagKeys.some(k => same(k, t)));
    if (other !== undefined) {
      out.push(
        finding('role-other-tag', `it asks for the tag ${other}; the tokens carry ${plan.walletTag}`, statement.where),
      );
    }
  }
  for (const place of places) {
    const broad = new Map<string, { says: string; held: boolean }>();
    for (const session of [undefined, ...someSessions(plan, role)]) {
      for (const { says, request } of foreignQuestions(plan, place, session)) {
        const answer = evaluate(role, request);
        if (answer.decision !== 'allowed') continue;
        const held = evaluate(bucket, request).decision === 'denied';
        for (const { where } of answer.by) {
          const before = broad.get(where);
          if (before === undefined || (before.held && !held)) broad.set(where, { says, held });
        }
      }
    }
    for (const [where, { says, held }] of broad) {
      out.push(
        held
          ? finding('role-broad', `it lets ${says}; only the bucket's Deny stands against it`, where, {
              severity: 'warning',
            })
          : finding('role-broad', `it lets ${says}`, where),
      );
    }
    const denied = someSessions(plan, role)
      .flatMap(w => ownQuestions(plan, place, w))
      .find(q => evaluate(role, q.request).decision !== 'allowed');
    if (denied !== undefined && !out.some(f => f.code === 'role-prefix-equals' || f.code === 'role-other-tag')) {
      out.push(finding('role-own-denied', `not allowed: ${denied.says}`, name));
    }
  }
  if (places.length === 0) out.push(finding('role-own-denied', 'it names no bucket', name));
  return out;
}

function checkBucket(bucket: readonly ReadStatement[], plan: Plan, places: readonly Place[], name: string): Finding[] {
  const out: Finding[] = [];
  for (const statement of bucket) {
    const stale = statement.principals?.find(p => p.kind === 'AWS' && /^A(ROA|IDA)[A-Z0-9]+$/.test(p.value));
    if (stale !== undefined)
      out.push(finding('bucket-stale-principal', `its principal is ${stale.value}`, statement.where));
  }
  for (const place of places) {
    const wallets = someSessions(plan, bucket);
    const opened = [undefined, ...wallets]
      .flatMap(w => foreignQuestions(plan, place, w))
      .map(q => ({ q, answer: evaluate(bucket, q.request) }))
      .find(({ answer }) => answer.decision === 'allowed');
    if (opened !== undefined)
      out.push(finding('bucket-broad', `it lets ${opened.q.says}`, opened.answer.by[0]?.where ?? name));
    const withBroad = [BROAD, ...bucket];
    const hole = wallets
      .flatMap(w => foreignQuestions(plan, place, w))
      .find(q => evaluate(withBroad, q.request).decision === 'allowed');
    if (hole !== undefined)
      out.push(finding('bucket-no-deny', `with s3:* on the role nothing refuses: ${hole.says}`, name));
    const untagged = foreignQuestions(plan, place, undefined).find(
      q => evaluate(withBroad, q.request).decision === 'allowed',
    );
    if (untagged !== undefined && hole === undefined) {
      out.push(finding('bucket-untagged', `with s3:* on the role nothing refuses: ${untagged.says}`, name));
    }
    const shut = wallets
      .flatMap(w => ownQuestions(plan, place, w))
      .map(q => ({ q, answer: evaluate(bucket, q.request) }))
      .find(({ answer }) => answer.decision === 'denied');
    if (shut !== undefined)
      out.push(finding('bucket-own-denied', `it denies ${shut.q.says}`, shut.answer.by[0]?.where ?? name));
  }
  return out;
}

/** A wallet written out in anything but lower case. */
function checkWalletCase(statements: readonly ReadStatement[], plan: Plan): Finding[] {
  return statements.flatMap(statement => {
    const text = JSON.stringify([statement.resources, statement.notResources, statement.conditions]);
    const written = text.match(/0[xX][0-9a-fA-F]{40}/g)?.find(w => w !== w.toLowerCase());
    if (written === undefined) return [];
    const known = plan.wallets.includes(written.toLowerCase()) ? ', a wallet of this configuration,' : '';
    return [finding('wallet-case', `${written}${known} is not in lower case`, statement.where)];
  });
}

/** Enough to judge by: every session whose wallet the policies write out, and some more. */
function someSessions(plan: Plan, statements: readonly ReadStatement[]): readonly Session[] {
  if (plan.sessions.length === 0) return [{ wallet: `0x${'0'.repeat(39)}1`, tags: {} }];
  const text = JSON.stringify(statements).toLowerCase();
  return plan.sessions.filter(({ wallet }, i) => i < 20 || text.includes(wallet));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
