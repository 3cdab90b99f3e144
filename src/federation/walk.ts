/**
 * The acceptance walk: real calls with a wallet's credentials, which must open its own folder and nothing else.
 *
 * Each step is told as it happens. A step counts as a refusal only where S3 said AccessDenied; whatever else happened
 * proves nothing and is never taken for isolation.
 *
 * @module
 */
import { WalletcredsError } from '../errors.ts';
import { errorFields } from '../log.ts';
import { getObject, listObjects, type S3Answer, type Store } from './s3.ts';
import type { AwsKeys } from './signed.ts';
import type { UntaggedAnswer } from './untagged.ts';

export type StepOutcome = 'ok' | 'broken' | 'denied' | 'unclear' | 'not-checked';

export interface Step {
  readonly id: string;
  /** `list 0xdeadbeef/ is refused`: what is promised. */
  readonly title: string;
  /** `broken`: a foreign door opened; `denied`: an own one is shut; `unclear`: it says nothing. */
  readonly outcome: StepOutcome;
  readonly detail: string;
  /** Anchor in docs/symptoms.md; '' for a step that kept its promise. */
  readonly symptom: string;
}

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
  /** Tries to become the role with a token that has no tags; undefined where no signer is at hand. */
  readonly untagged?: (() => Promise<UntaggedAnswer>) | undefined;
}

/** The object that is asked for below a foreign prefix. An administrator may put one there to make the question sharper. */
export const PROBE = 'walletcreds-verify';

export async function* walk(options: WalkOptions): AsyncGenerator<Step> {
  const { store, prefix, wallet, foreign } = options;
  const own = `${prefix}${wallet}/`;
  let keys: AwsKeys;
  try {
    keys = await options.getCredentials();
    yield {
      id: 'credentials',
      title: `credentials for ${wallet} by ${options.via}`,
      outcome: 'ok',
      detail: keys.accessKeyId,
      symptom: '',
    };
  } catch (error) {
    yield refusedCredentials(error, options);
    return;
  }
  const listed = await listObjects(store, keys, own);
  const first = ownStep('list-own', `list ${own}`, listed, own);
  yield first;
  // Without a readable bucket the rest would only repeat it.
  if (first.outcome === 'unclear') return;
  const [key] = listed.kind === 'listed' ? listed.keys.filter(k => !k.endsWith('/')) : [];
  yield key === undefined
    ? {
        id: 'get-own',
        title: `get an object below ${own}`,
        outcome: 'not-checked',
        detail: 'none is listed there',
        symptom: '',
      }
    : ownStep('get-own', `get ${key}`, await getObject(store, keys, key), own);
  const longer = `${prefix}${wallet}0/`;
  for (const [id, at] of [
    ['foreign', foreign],
    ['longer', longer],
  ] as const) {
    const answer = await listObjects(store, keys, at);
    yield foreignStep(`list-${id}`, `list ${at} is refused`, answer, at);
    const there = answer.kind === 'listed' ? answer.keys.find(k => k.startsWith(at)) : undefined;
    const probe = there ?? `${at}${PROBE}`;
    yield foreignStep(`get-${id}`, `get ${probe} is refused`, await getObject(store, keys, probe), at);
  }
  yield foreignStep(
    'list-bucket',
    `list the whole bucket ${store.bucket} is refused`,
    await listObjects(store, keys, ''),
    '',
  );
  yield await untaggedStep(options.untagged);
}

function refusedCredentials(error: unknown, options: WalkOptions): Step {
  const { code, message } = errorFields(error);
  const final = error instanceof WalletcredsError && !error.transient;
  return {
    id: 'credentials',
    title: `credentials for ${options.wallet} by ${options.via}`,
    outcome: 'unclear',
    detail: `${code}: ${message}`,
    symptom: final && code === 'AccessDenied' ? 'sts-access-denied' : 'verify-no-credentials',
  };
}

function ownStep(id: string, title: string, answer: S3Answer, own: string): Step {
  switch (answer.kind) {
    case 'listed': {
      const strange = answer.keys.find(k => !k.startsWith(own));
      if (strange !== undefined) {
        const detail = `the listing holds ${JSON.stringify(strange)}, which is not below it`;
        return { id, title, outcome: 'broken', detail, symptom: 'verify-isolation-broken' };
      }
      return {
        id,
        title,
        outcome: 'ok',
        detail: answer.keys.length === 0 ? 'empty' : `${answer.keys.length} or more objects`,
        symptom: '',
      };
    }
    case 'got':
      return { id, title, outcome: 'ok', detail: '', symptom: '' };
    case 'denied':
      return { id, title, outcome: 'denied', detail: 'AccessDenied', symptom: 'verify-own-denied' };
    case 'no-such-key':
      return { id, title, outcome: 'not-checked', detail: 'it was removed meanwhile', symptom: '' };
    case 'unclear':
      return { id, title, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

function foreignStep(id: string, title: string, answer: S3Answer, at: string): Step {
  const broken = (detail: string): Step => ({
    id,
    title,
    outcome: 'broken',
    detail,
    symptom: 'verify-isolation-broken',
  });
  switch (answer.kind) {
    case 'denied':
      return { id, title, outcome: 'ok', detail: 'AccessDenied', symptom: '' };
    case 'listed':
      return broken(at === '' ? 'the whole bucket was listed' : `it was listed, ${answer.keys.length} objects`);
    case 'got':
      return broken('it was read');
    case 'no-such-key':
      return broken('S3 answers NoSuchKey, which it says only to who may list there');
    case 'unclear':
      return { id, title, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

async function untaggedStep(untagged: WalkOptions['untagged']): Promise<Step> {
  const step = { id: 'untagged', title: 'a token without the wallet tag is refused by the role' };
  if (untagged === undefined) {
    return { ...step, outcome: 'not-checked', detail: 'no signing key is at hand here', symptom: '' };
  }
  const { outcome, detail } = await untagged();
  if (outcome === 'refused') return { ...step, outcome: 'ok', detail, symptom: '' };
  if (outcome === 'taken')
    return { ...step, outcome: 'broken', detail: 'STS gave credentials for it', symptom: 'trust-untagged' };
  return { ...step, outcome: 'unclear', detail, symptom: 'verify-untagged-unclear' };
}
