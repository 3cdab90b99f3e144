/**
 * The acceptance walk: real calls with a wallet's credentials, which must open its own folder and nothing else.
 *
 * Each step is told as it happens. A step counts as a refusal only where S3 said AccessDenied; whatever else happened
 * proves nothing and is never taken for isolation. Nothing that is stored is changed, and nothing is stored.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { WalletcredsError } from '../../lib/errors.ts';
import { errorFields } from '../../lib/log.ts';
import type { AwsKeys } from '../signed-request.ts';
import type { Known } from './foreign-objects.ts';
import { deleteObject, getObject, type Listing, listObjects, putNothing, type Store } from './s3.ts';
import type { S3Answer } from './s3-response.ts';
import { foreignStep, kept, notChecked, ownStep, refusedAll, type Step } from './steps.ts';
import type { UntaggedAnswer } from './untagged.ts';

export interface WalkOptions {
  readonly store: Store;
  readonly wallet: string;
  /** Where the wallets' folders are: empty or ending in `/`. */
  readonly prefix: string;
  /** A whole prefix in the bucket that is not the wallet's. */
  readonly foreign: string;
  /** How the credentials are come by, for the first step's title. */
  readonly via: string;
  readonly getCredentials: () => Promise<AwsKeys>;
  /** Foreign objects that are there; asked once the own folder has opened. */
  readonly known: () => Promise<Known>;
  /** A session policy may leave out writing, so an own put that is refused is no fault. */
  readonly mayBeReadOnly?: boolean;
  /** Tries to become the role with a token that has no tags; undefined where no signer is at hand. */
  readonly untagged?: (() => Promise<UntaggedAnswer>) | undefined;
}

/** The object that is asked for below a foreign prefix. An administrator may put one there to make the question sharper. */
export const PROBE = 'walletcreds-verify';

const LISTINGS: readonly Listing[] = ['objects', 'objects-v1', 'versions', 'uploads'];

export async function* walk(options: WalkOptions): AsyncGenerator<Step> {
  const { store, prefix, wallet, foreign } = options;
  const own = `${prefix}${wallet}/`;
  const credentials = { id: 'credentials', title: `credentials for ${wallet} by ${options.via}` };
  let keys: AwsKeys;
  try {
    keys = await options.getCredentials();
    yield kept(credentials, keys.accessKeyId);
  } catch (error) {
    yield { ...credentials, ...refusedCredentials(error) };
    return;
  }
  const listed = await listObjects(store, keys, own);
  const first = ownStep({ id: 'list-own', title: `list ${own}` }, listed, own);
  yield first;
  // Without a readable bucket the rest would only repeat it.
  if (first.outcome === 'unclear') return;
  const [key] = listed.kind === 'listed' ? listed.keys.filter(k => !k.endsWith('/')) : [];
  yield key === undefined
    ? notChecked({ id: 'get-own', title: `get an object below ${own}` }, 'none is listed there')
    : ownStep({ id: 'get-own', title: `get ${key}` }, await getObject(store, keys, key), own);
  // A key that no object has: should a store not compare digests after all, nothing is overwritten.
  const absent = `${PROBE}-${randomUUID()}`;
  yield await putOwn(options, keys, `${own}${absent}`);
  for (const [id, at] of [
    ['foreign', foreign],
    ['longer', `${prefix}${wallet}0/`],
  ] as const) {
    yield* foreignSteps(store, keys, id, at, absent);
  }
  yield await listBucket(store, keys);
  if (prefix !== '') yield await listParents(store, keys, prefix);
  yield* knownSteps(options, keys);
  yield await untaggedStep(options.untagged);
  // Between two doors that open, what stayed shut was not shut for another reason: a session that ended, a bucket that went.
  yield ownStep({ id: 'list-own-again', title: `list ${own} once more` }, await listObjects(store, keys, own), own);
}

function refusedCredentials(error: unknown): Omit<Step, 'id' | 'title'> {
  const { code, message } = errorFields(error);
  const final = error instanceof WalletcredsError && !error.transient;
  return {
    outcome: 'unclear',
    detail: `${code}: ${message}`,
    symptom: final && code === 'AccessDenied' ? 'sts-access-denied' : 'verify-no-credentials',
  };
}

async function putOwn(options: WalkOptions, keys: AwsKeys, key: string): Promise<Step> {
  const own = `${options.prefix}${options.wallet}/`;
  const promised = { id: 'put-own', title: `put an object below ${own}` };
  const answer = await putAndRemove(options.store, keys, key);
  return answer.kind === 'denied' && options.mayBeReadOnly === true
    ? notChecked(promised, 'AccessDenied, which its session policy may want')
    : ownStep(promised, answer, own);
}

async function* foreignSteps(
  store: Store,
  keys: AwsKeys,
  id: 'foreign' | 'longer',
  at: string,
  absent: string,
): AsyncGenerator<Step> {
  const listed = await listObjects(store, keys, at);
  const others = LISTINGS.slice(1).map(about => ({ about, ask: () => listObjects(store, keys, at, about) }));
  yield await refusedAll({ id: `list-${id}`, title: `list ${at} is refused` }, [
    { about: '', ask: async () => listed },
    ...others,
  ]);
  const there = listed.kind === 'listed' ? listed.keys.find(k => k.startsWith(at)) : undefined;
  const probe = there ?? `${at}${PROBE}`;
  yield foreignStep({ id: `get-${id}`, title: `get ${probe} is refused` }, await getObject(store, keys, probe));
  const put = { id: `put-${id}`, title: `put an object below ${at} is refused` };
  yield foreignStep(put, await putAndRemove(store, keys, `${at}${absent}`), `${at}${absent}`);
  const remove = { id: `delete-${id}`, title: `delete an object below ${at} is refused` };
  yield foreignStep(remove, await deleteObject(store, keys, `${at}${absent}`), 'of a key that is not there');
}

/** What a store stored all the same goes again, where that is permitted. */
async function putAndRemove(store: Store, keys: AwsKeys, key: string): Promise<S3Answer> {
  const answer = await putNothing(store, keys, key);
  if (answer.kind === 'taken' && answer.stored) await deleteObject(store, keys, key);
  return answer;
}

/** Without a prefix and with an empty one are two questions: a condition on s3:prefix may hold for what is missing. */
async function listBucket(store: Store, keys: AwsKeys): Promise<Step> {
  const title = `list the whole bucket ${store.bucket} is refused`;
  const ask = (prefix: string | undefined, how: string) =>
    LISTINGS.map(about => ({
      about: `${how} prefix, ${about}`,
      ask: () => listObjects(store, keys, prefix, about),
    }));
  return refusedAll({ id: 'list-bucket', title }, [...ask(undefined, 'without a'), ...ask('', 'with an empty')]);
}

/** `a/b/`: the folder that holds every wallet's, and all above it. */
async function listParents(store: Store, keys: AwsKeys, prefix: string): Promise<Step> {
  const parts = prefix.split('/').slice(0, -1);
  const parents = parts.map((_, i) => `${parts.slice(0, i + 1).join('/')}/`).reverse();
  return refusedAll(
    { id: 'list-parent', title: `list ${parents.join(' and ')}, which holds all wallets, is refused` },
    parents.flatMap(at =>
      LISTINGS.map(about => ({ about: `${at}, ${about}`, ask: () => listObjects(store, keys, at, about) })),
    ),
  );
}

/** S3 refuses an object that isn't there like one that may not be read: only one that is there proves anything. */
async function* knownSteps(options: WalkOptions, keys: AwsKeys): AsyncGenerator<Step> {
  const { objects, why } = await options.known();
  for (const { key, by } of objects) {
    const promised = { id: 'get-known', title: `get ${key}, which is there by ${by}, is refused` };
    yield foreignStep(promised, await getObject(options.store, keys, key));
  }
  if (objects.length === 0)
    yield notChecked({ id: 'get-known', title: 'get a foreign object that is there is refused' }, why);
}

async function untaggedStep(untagged: WalkOptions['untagged']): Promise<Step> {
  const step = { id: 'untagged', title: 'a token without the wallet tag is refused by the role' };
  if (untagged === undefined) return notChecked(step, 'no signing key is at hand here');
  const { outcome, detail } = await untagged();
  if (outcome === 'refused') return kept(step, detail);
  if (outcome === 'taken')
    return { ...step, outcome: 'broken', detail: 'STS gave credentials for it', symptom: 'trust-untagged' };
  return { ...step, outcome: 'unclear', detail, symptom: 'verify-untagged-unclear' };
}
