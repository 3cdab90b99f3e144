/**
 * One check of `verify`: what was asked, what happened, and what must happen.
 *
 * @module
 */
import type { S3Answer } from './s3-response.ts';

export type StepOutcome = 'ok' | 'broken' | 'denied' | 'unclear' | 'not-checked';

export interface Step {
  readonly id: string;
  /** @example 'LIST bots/0xdeadbeef/' */
  readonly title: string;
  /** What must happen: `allowed`, `AccessDenied`. */
  readonly must: string;
  /** `broken`: a foreign request was allowed; `denied`: an own one was refused; `unclear`: the answer proves nothing. */
  readonly outcome: StepOutcome;
  /** What happened. @example 'allowed (0 objects)' */
  readonly detail: string;
  /** Anchor in docs/symptoms.md; '' for a step that passed. */
  readonly symptom: string;
}

/** What is asked, and what must happen. */
export type Asked = Pick<Step, 'id' | 'title' | 'must'>;

export function passed(asked: Asked, detail: string): Step {
  return { ...asked, outcome: 'ok', detail, symptom: '' };
}

export function notChecked(asked: Asked, detail: string): Step {
  return { ...asked, outcome: 'not-checked', detail, symptom: '' };
}

function broken(asked: Asked, detail: string): Step {
  return { ...asked, outcome: 'broken', detail, symptom: 'verify-isolation-broken' };
}

function count(keys: readonly string[]): string {
  return `${keys.length}${keys.length >= 5 ? ' or more' : ''} object${keys.length === 1 ? '' : 's'}`;
}

/** @param own the wallet's folder; its listing must show nothing outside it */
export function ownStep(asked: Omit<Asked, 'must'>, answer: S3Answer, own: string): Step {
  const must = { ...asked, must: 'allowed' };
  switch (answer.kind) {
    case 'listed': {
      const outside = answer.keys.find(key => !key.startsWith(own));
      if (outside !== undefined)
        return broken(
          { ...asked, must: `only objects below ${own}` },
          `allowed, and it shows ${JSON.stringify(outside)}`,
        );
      return passed(must, `allowed (${count(answer.keys)})`);
    }
    case 'allowed':
      return passed(must, 'allowed');
    case 'taken':
      return passed(must, putDetail(answer));
    case 'denied': {
      const detail = answer.message === '' ? 'AccessDenied' : `AccessDenied: ${answer.message}`;
      return { ...must, outcome: 'denied', detail, symptom: 'verify-own-denied' };
    }
    case 'no-such-key':
      return notChecked(must, 'S3 answers NoSuchKey');
    case 'unsupported':
      return notChecked(must, answer.detail);
    case 'unclear':
      return { ...must, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

/** What happened where it must be refused, as a step; `ok` only for S3's own AccessDenied. */
export function foreignStep(asked: Omit<Asked, 'must'>, answer: S3Answer): Step {
  const must = { ...asked, must: 'AccessDenied' };
  switch (answer.kind) {
    case 'denied':
      return passed(must, 'AccessDenied');
    case 'listed':
      return broken(must, `allowed (${count(answer.keys)})`);
    case 'allowed':
      return broken(must, 'allowed');
    case 'taken':
      return broken(must, putDetail(answer));
    case 'no-such-key':
      return broken(must, 'NoSuchKey, which S3 says only to a session that may list there');
    case 'unsupported':
      return notChecked(must, answer.detail);
    case 'unclear':
      return { ...must, outcome: 'unclear', detail: answer.detail, symptom: answer.problem };
  }
}

function putDetail({ stored, left }: S3Answer & { kind: 'taken' }): string {
  if (left !== undefined) return `allowed (the store kept ${left}, which could not be deleted: delete it)`;
  return stored ? 'allowed (stored, and deleted again)' : 'allowed (nothing was stored)';
}

/** An answer, and which way of asking it is for. */
export interface NamedAnswer {
  readonly name: string;
  readonly answer: S3Answer;
}

const MOST_NAMES = 4;

/** One step of several ways to ask: each must be refused, and one at least must be a call that the store has. */
export function refusedStep(asked: Omit<Asked, 'must'>, answers: readonly NamedAnswer[]): Step {
  const steps = answers.map(({ name, answer }) => ({ name, step: foreignStep(asked, answer) }));
  const open = steps.filter(({ step }) => step.outcome === 'broken');
  const [first] = open;
  if (first !== undefined) {
    const names = open.slice(0, MOST_NAMES).map(({ name }) => name);
    const more = open.length > MOST_NAMES ? ` and ${open.length - MOST_NAMES} more` : '';
    const how = open.length === steps.length ? `each of ${steps.length} ways to ask` : `${names.join(', ')}${more}`;
    return broken(first.step, `${first.step.detail} with ${how}`);
  }
  const unclear = steps.find(({ step }) => step.outcome === 'unclear');
  if (unclear !== undefined) return { ...unclear.step, detail: `${unclear.step.detail} (asked with ${unclear.name})` };
  const refused = steps.filter(({ step }) => step.outcome === 'ok');
  const [unsupported] = steps;
  if (refused.length === 0) return notChecked({ ...asked, must: 'AccessDenied' }, unsupported?.step.detail ?? '');
  return passed({ ...asked, must: 'AccessDenied' }, `AccessDenied, asked in ${refused.length} ways`);
}
