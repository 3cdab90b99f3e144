/**
 * A step of the acceptance walk, and what S3's answer makes of it.
 *
 * @module
 */
import type { S3Answer } from './s3-response.ts';

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

/** What is promised. */
export type Promised = Pick<Step, 'id' | 'title'>;

export function kept(promised: Promised, detail: string): Step {
  return { ...promised, outcome: 'ok', detail, symptom: '' };
}

export function notChecked(promised: Promised, detail: string): Step {
  return { ...promised, outcome: 'not-checked', detail, symptom: '' };
}

function broken(promised: Promised, detail: string): Step {
  return { ...promised, outcome: 'broken', detail, symptom: 'verify-isolation-broken' };
}

/** @param own the wallet's folder, beyond which its listing must show nothing */
export function ownStep(promised: Promised, answer: S3Answer, own: string): Step {
  switch (answer.kind) {
    case 'listed': {
      const strange = answer.keys.find(k => !k.startsWith(own));
      if (strange !== undefined)
        return broken(promised, `the listing holds ${JSON.stringify(strange)}, which is not below it`);
      return kept(promised, answer.keys.length === 0 ? 'empty' : `${answer.keys.length} or more objects`);
    }
    case 'got':
      return kept(promised, '');
    case 'taken':
      return kept(promised, answer.stored ? '' : 'permitted; nothing was stored');
    case 'denied':
      return { ...promised, outcome: 'denied', detail: 'AccessDenied', symptom: 'verify-own-denied' };
    case 'no-such-key':
      return notChecked(promised, 'S3 answers NoSuchKey');
    case 'unsupported':
      return notChecked(promised, answer.detail);
    case 'unclear':
      return { ...promised, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

/** @param about added in brackets where the door opened: which of several calls it was */
export function foreignStep(promised: Promised, answer: S3Answer, about = ''): Step {
  const open = (detail: string) => broken(promised, about === '' ? detail : `${detail} (${about})`);
  switch (answer.kind) {
    case 'denied':
      return kept(promised, 'AccessDenied');
    case 'listed':
      return open(`it was listed, ${answer.keys.length} objects`);
    case 'got':
      return open('it was read');
    case 'taken':
      return open(answer.stored ? 'S3 did it' : 'S3 permits it (BadDigest; nothing was stored)');
    case 'no-such-key':
      return open('S3 answers NoSuchKey, which it says only to who may list there');
    case 'unsupported':
      return notChecked(promised, answer.detail);
    case 'unclear':
      return { ...promised, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

/** One step of several calls: each must be refused, and one at least must be a call that the store has. */
export async function refusedAll(
  promised: Promised,
  calls: readonly { readonly about: string; readonly ask: () => Promise<S3Answer> }[],
): Promise<Step> {
  let worst: Step | undefined;
  for (const { about, ask } of calls) {
    const step = foreignStep(promised, await ask(), about);
    if (step.outcome === 'broken') return step;
    if (worst === undefined || RANK[step.outcome] > RANK[worst.outcome]) worst = step;
  }
  return worst ?? notChecked(promised, 'nothing was asked');
}

const RANK: Readonly<Record<StepOutcome, number>> = { 'not-checked': 0, ok: 1, denied: 2, unclear: 2, broken: 3 };
