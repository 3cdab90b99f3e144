/**
 * Verifies the isolation with real calls: a wallet's credentials must open its own folder and nothing else.
 *
 * Only S3's own AccessDenied counts as a refusal. Every other answer proves nothing and is never taken for isolation.
 * No object that is stored is changed, and none is left behind.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { WalletcredsError } from '../../lib/errors.ts';
import { errorFields } from '../../lib/log.ts';
import type { AwsKeys } from '../signed-request.ts';
import type { ForeignObjects } from './foreign-objects.ts';
import { deleteObject, getObject, LISTING_WAYS, listObjects, type Store, tryPut } from './s3.ts';
import { foreignStep, type NamedAnswer, notChecked, ownStep, passed, refusedStep, type Step } from './steps.ts';
import type { UntaggedAnswer } from './untagged.ts';

export interface VerifyOptions {
  readonly store: Store;
  readonly wallet: string;
  /** The part of the keys before the wallet: empty or ending in `/`. */
  readonly prefix: string;
  /** A whole prefix in the bucket that is not the wallet's. */
  readonly foreign: string;
  /** The source of the credentials, for the first step's title. */
  readonly via: string;
  readonly getCredentials: () => Promise<AwsKeys>;
  /** Foreign objects that exist; called once the own folder is known to open. */
  readonly foreignObjects: () => Promise<ForeignObjects>;
  /** The workload has a session policy, which may leave out writing: an own put that is refused is no fault. */
  readonly mayBeReadOnly?: boolean;
  /** Tries to become the role with a token that has no tags; undefined where there is no signing key. */
  readonly untagged?: (() => Promise<UntaggedAnswer>) | undefined;
}

/** The object that is asked for below a foreign prefix. An administrator may put one there to make the check sharper. */
export const PROBE = 'walletcreds-verify';

export async function* verifyIsolation(options: VerifyOptions): AsyncGenerator<Step> {
  const { store, prefix, wallet, foreign } = options;
  const own = `${prefix}${wallet}/`;
  const credentials = { id: 'credentials', title: `credentials for ${wallet} by ${options.via}`, must: '' };
  let keys: AwsKeys;
  try {
    keys = await options.getCredentials();
    yield passed(credentials, keys.accessKeyId);
  } catch (error) {
    yield { ...credentials, ...refusedCredentials(error) };
    return;
  }
  const listed = await listObjects(store, keys, own);
  const first = ownStep({ id: 'list-own', title: `LIST ${own}` }, listed, own);
  yield first;
  // Without a readable bucket the rest would only repeat it.
  if (first.outcome === 'unclear') return;
  const [key] = listed.kind === 'listed' ? listed.keys.filter(k => !k.endsWith('/')) : [];
  yield key === undefined
    ? notChecked({ id: 'get-own', title: `GET an object below ${own}`, must: 'allowed' }, 'none is listed there')
    : ownStep({ id: 'get-own', title: `GET ${key}` }, await getObject(store, keys, key), own);
  // A key that no object has, so nothing is overwritten where a store compares no digests.
  const absent = `${PROBE}-${randomUUID()}`;
  yield await putOwn(options, keys, own, absent);
  yield* foreignSteps(store, keys, 'foreign', foreign, absent);
  // A wallet that begins with this one: a pattern without the slash at its end takes it too.
  yield* foreignSteps(store, keys, 'longer', `${prefix}${wallet}0/`, absent);
  // No prefix and an empty one are two questions: a condition on s3:prefix may hold for a missing key.
  yield refusedStep({ id: 'list-bucket', title: `LIST the whole bucket ${store.bucket}` }, [
    ...(await askAll(store, keys, undefined, 'no prefix, ')),
    ...(await askAll(store, keys, '', 'an empty prefix, ')),
  ]);
  for (const parent of parentsOf(prefix)) {
    yield refusedStep({ id: 'list-parent', title: `LIST ${parent}` }, await askAll(store, keys, parent));
  }
  yield* foreignObjectSteps(options, keys);
  yield await untaggedStep(options.untagged);
  // Asked again at the end: a session that ended half-way is refused everywhere, which is no isolation.
  yield ownStep({ id: 'list-own-again', title: `LIST ${own} again` }, await listObjects(store, keys, own), own);
}

function refusedCredentials(error: unknown): Pick<Step, 'outcome' | 'detail' | 'symptom'> {
  const { code, message } = errorFields(error);
  const final = error instanceof WalletcredsError && !error.transient;
  return {
    outcome: 'unclear',
    detail: `${code}: ${message}`,
    symptom: final && code === 'AccessDenied' ? 'sts-access-denied' : 'verify-no-credentials',
  };
}

async function putOwn(options: VerifyOptions, keys: AwsKeys, own: string, absent: string): Promise<Step> {
  const asked = { id: 'put-own', title: `PUT an object below ${own}` };
  const answer = await tryPut(options.store, keys, `${own}${absent}`);
  return answer.kind === 'denied' && options.mayBeReadOnly === true
    ? notChecked({ ...asked, must: 'allowed' }, 'AccessDenied, which the session policy may intend')
    : ownStep(asked, answer, own);
}

async function* foreignSteps(
  store: Store,
  keys: AwsKeys,
  id: 'foreign' | 'longer',
  at: string,
  absent: string,
): AsyncGenerator<Step> {
  const answers = await askAll(store, keys, at);
  yield refusedStep({ id: `list-${id}`, title: `LIST ${at}` }, answers);
  const keysThere = answers.flatMap(({ answer }) => (answer.kind === 'listed' ? answer.keys : []));
  const probe = keysThere.find(key => key.startsWith(at)) ?? `${at}${PROBE}`;
  yield foreignStep({ id: `get-${id}`, title: `GET ${probe}` }, await getObject(store, keys, probe));
  const put = await tryPut(store, keys, `${at}${absent}`);
  yield foreignStep({ id: `put-${id}`, title: `PUT an object below ${at}` }, put);
  const remove = { id: `delete-${id}`, title: `DELETE an object below ${at} that does not exist` };
  yield foreignStep(remove, await deleteObject(store, keys, `${at}${absent}`));
}

async function askAll(store: Store, keys: AwsKeys, prefix: string | undefined, about = ''): Promise<NamedAnswer[]> {
  const answers: NamedAnswer[] = [];
  for (const way of LISTING_WAYS) {
    answers.push({ name: `${about}${way.name}`, answer: await listObjects(store, keys, prefix, way) });
  }
  return answers;
}

/** `a/b/`, then `a/`: the folders that hold every wallet's. */
function parentsOf(prefix: string): string[] {
  const parts = prefix.split('/').slice(0, -1);
  return parts.map((_, i) => `${parts.slice(0, i + 1).join('/')}/`).reverse();
}

/** S3 refuses an object that doesn't exist like one that may not be read: only one that exists proves anything. */
async function* foreignObjectSteps(options: VerifyOptions, keys: AwsKeys): AsyncGenerator<Step> {
  const { objects, why } = await options.foreignObjects();
  for (const { key, by } of objects) {
    const asked = { id: 'get-known', title: `GET ${key}, ${by}` };
    yield foreignStep(asked, await getObject(options.store, keys, key));
  }
  if (objects.length === 0)
    yield notChecked({ id: 'get-known', title: 'GET a foreign object that exists', must: 'AccessDenied' }, why);
}

async function untaggedStep(untagged: VerifyOptions['untagged']): Promise<Step> {
  const step = { id: 'untagged', title: 'AssumeRole with a token without the wallet tag', must: 'AccessDenied' };
  if (untagged === undefined) return notChecked(step, 'no signing key is readable here');
  const { outcome, detail } = await untagged();
  if (outcome === 'refused') return passed(step, detail);
  if (outcome === 'taken')
    return { ...step, outcome: 'broken', detail: 'allowed: STS gave credentials', symptom: 'trust-untagged' };
  return { ...step, outcome: 'unclear', detail, symptom: 'verify-untagged-unclear' };
}
