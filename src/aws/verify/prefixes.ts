/**
 * The questions of isolation, asked of policies: may a wallet's session, or one without a wallet, do this there.
 *
 * @module
 */
import type { PolicyRequest } from '../doctor/policy/evaluate.ts';
import type { ReadStatement } from '../doctor/policy/read.ts';
import type { Place, Plan, Session } from '../plan.ts';

export interface Question {
  /** `reads 0x…/a`, for sentences. */
  readonly says: string;
  readonly request: PolicyRequest;
}

export const FOREIGN = '0xdeadbeef/';

/** A session of a workload's token, or one that came without a wallet. */
export type Asker = Session | undefined;

/** What may be done to objects that is no one else's business. */
const ON_OBJECTS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:GetObjectVersion',
  's3:DeleteObjectVersion',
  's3:PutObjectAcl',
];
const LISTINGS = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'];
/** Whoever may do these opens the rest for himself. */
const ON_THE_BUCKET = ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'];
const ON_THE_ROLE = ['iam:PutRolePolicy', 'iam:AttachRolePolicy', 'iam:UpdateAssumeRolePolicy'];

/** What every workload must be able to do. */
export function ownQuestions(plan: Plan, place: Place, session: Session): Question[] {
  const own = `${place.prefix}${session.wallet}/`;
  return [
    question(plan, place, 's3:GetObject', `${own}object`, session),
    question(plan, place, 's3:ListBucket', own, session),
    question(plan, place, 's3:ListBucket', `${own}below/`, session),
  ];
}

/** What none may. */
export function foreignQuestions(plan: Plan, place: Place, session: Asker): Question[] {
  const others = [`${place.prefix}${FOREIGN}`, `${place.prefix}${session?.wallet ?? `0x${'0'.repeat(40)}`}0/`];
  return [
    ...others.flatMap(prefix => [
      ...ON_OBJECTS.map(action => question(plan, place, action, `${prefix}object`, session)),
      ...LISTINGS.map(action => question(plan, place, action, prefix, session)),
    ]),
    ...[...new Set([undefined, '', place.prefix])].map(at => question(plan, place, 's3:ListBucket', at, session)),
    ...ON_THE_BUCKET.map(action => question(plan, place, action, undefined, session)),
    ...plan.roles.flatMap(role =>
      ON_THE_ROLE.map(action => ({
        says: `${nameOf(session)} ${action} on the role itself`,
        request: { ...question(plan, place, action, undefined, session).request, resource: role.arn },
      })),
    ),
  ];
}

function nameOf(session: Asker): string {
  return session?.wallet ?? 'a session without a wallet';
}

/** @param key an object's, or the prefix of a listing; absent for the bucket as a whole */
function question(plan: Plan, place: Place, action: string, key: string | undefined, session: Asker): Question {
  const bucket = `arn:${plan.partition}:s3:::${place.bucket}`;
  const listing = LISTINGS.includes(action);
  const context = new Map<string, readonly string[]>();
  const walletKey = `aws:principaltag/${plan.walletTag}`.toLowerCase();
  for (const [tag, value] of Object.entries(session?.tags ?? {}))
    context.set(`aws:principaltag/${tag}`.toLowerCase(), [value]);
  if (session !== undefined) context.set(walletKey, [session.wallet]);
  if (listing && key !== undefined) context.set('s3:prefix', [key]);
  const [role] = plan.roles;
  if (role !== undefined) context.set('aws:principalarn', [role.arn]);
  const whole =
    key === '' ? `the empty prefix of ${place.bucket}` : `${listing ? 'the whole ' : ''}bucket ${place.bucket}`;
  return {
    says: `${nameOf(session)} ${action} ${key === undefined || key === '' ? whole : key}`,
    request: {
      action,
      resource: listing || key === undefined ? bucket : `${bucket}/${key}`,
      context,
      // The wallet's tag and the prefix are there or not. Everything else a session may have: other tags come from the
      // role, claims from the issuer.
      unknown: name => name !== walletKey && name !== 's3:prefix',
      principal: (kind, value, mode) => isPrincipal(plan, kind, value, mode),
    },
  };
}

/** An account's Deny covers its roles; its Allow grants nothing by itself. */
function isPrincipal(plan: Plan, kind: string, value: string, mode: 'may be' | 'surely is'): boolean {
  if (kind === '*' || (kind === 'AWS' && value === '*')) return true;
  if (kind === 'Federated') return mode === 'may be' && plan.providers.some(p => p.arn === value);
  if (kind !== 'AWS') return false;
  return plan.roles.some(({ arn }) => {
    const account = arn.split(':')[4] ?? '';
    const whole = account !== '' && (value === account || value === `arn:${plan.partition}:iam::${account}:root`);
    return arn === value || (mode === 'surely is' && whole);
  });
}

/**
 * Bucket and prefix, as a policy's own resources name them: where a wallet or the wallet's variable is a part of the key.
 * Without any, the buckets that are named at all.
 */
export function placesOf(statements: readonly ReadStatement[], plan: Plan): Place[] {
  const arns = statements.flatMap(s => [...(s.resources ?? []), ...(s.notResources ?? [])]);
  const places = new Map<string, Place>();
  const buckets = new Set<string>();
  for (const arn of arns) {
    const [, bucket, key = ''] = /^arn:[^:]*:s3:::([^/*?$]+)(?:\/(.*))?$/s.exec(arn) ?? [];
    if (bucket === undefined) continue;
    buckets.add(bucket);
    const lower = key.toLowerCase();
    const at = [...plan.wallets, '${aws:principaltag/'].map(mark => lower.indexOf(mark)).filter(i => i >= 0);
    if (at.length === 0) continue;
    const prefix = key.slice(0, Math.min(...at));
    if (!/[*?$]/.test(prefix)) places.set(`${bucket}/${prefix}`, { bucket, prefix });
  }
  return places.size > 0 ? [...places.values()] : [...buckets].map(bucket => ({ bucket, prefix: '' }));
}
