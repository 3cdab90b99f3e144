/**
 * The questions of isolation, asked of policies: may a wallet's session, or one without a wallet, do this there.
 *
 * @module
 */
import type { PolicyRequest } from './evaluate.ts';
import type { Place, Plan } from './plan.ts';
import type { ReadStatement } from './read-policy.ts';

export interface Question {
  /** `reads 0x…/a`, for sentences. */
  readonly says: string;
  readonly request: PolicyRequest;
}

export const FOREIGN = '0xdeadbeef/';

/** What every workload must be able to do. */
export function ownQuestions(plan: Plan, place: Place, wallet: string): Question[] {
  const own = `${place.prefix}${wallet}/`;
  return [
    question(plan, place, 's3:GetObject', `${own}object`, wallet),
    question(plan, place, 's3:ListBucket', own, wallet),
    question(plan, place, 's3:ListBucket', `${own}below/`, wallet),
  ];
}

/** What none may. */
export function foreignQuestions(plan: Plan, place: Place, wallet: string | undefined): Question[] {
  const others = [`${place.prefix}${FOREIGN}`, `${place.prefix}${wallet ?? `0x${'0'.repeat(40)}`}0/`];
  return [
    ...others.flatMap(prefix => [
      question(plan, place, 's3:GetObject', `${prefix}object`, wallet),
      question(plan, place, 's3:PutObject', `${prefix}object`, wallet),
      question(plan, place, 's3:ListBucket', prefix, wallet),
    ]),
    question(plan, place, 's3:ListBucket', undefined, wallet),
  ];
}

function question(
  plan: Plan,
  place: Place,
  action: string,
  key: string | undefined,
  wallet: string | undefined,
): Question {
  const bucket = `arn:${plan.partition}:s3:::${place.bucket}`;
  const listing = action === 's3:ListBucket';
  const context = new Map<string, readonly string[]>();
  if (wallet !== undefined) context.set(`aws:principaltag/${plan.walletTag}`.toLowerCase(), [wallet]);
  if (listing && key !== undefined) context.set('s3:prefix', [key]);
  context.set('aws:principalarn', plan.roles.map(r => r.arn).slice(0, 1));
  const arns = new Set(plan.roles.map(r => r.arn));
  return {
    says: `${wallet === undefined ? 'a session without a wallet' : wallet} ${action} ${key ?? `the whole bucket ${place.bucket}`}`,
    request: {
      action,
      resource: listing ? bucket : `${bucket}/${key ?? ''}`,
      context,
      principal: (kind, value) => kind === '*' || value === '*' || (kind === 'AWS' && arns.has(value)),
    },
  };
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
