/**
 * The result of `verify`, from its steps.
 *
 * @module
 */
import { codeUrl } from '../../package.ts';
import { brokenCause, deniedCause } from './causes.ts';
import type { Step } from './steps.ts';

export interface VerifyResult {
  readonly verdict: 'proven' | 'isolation-broken' | 'own-access-denied' | 'inconclusive';
  /** 0 proven, 3 isolation broken, 4 own access denied, 1 inconclusive. */
  readonly exitCode: 0 | 1 | 3 | 4;
  readonly summary: string;
  /** Steps that failed, and all that were asked. */
  readonly failed: number;
  readonly asked: number;
  /** Titles of the steps that were not checked. */
  readonly notChecked: readonly string[];
  readonly likelyCause: string;
  /** For `walletcreds explain CODE`; '' if it is proven. */
  readonly code: string;
  readonly link: string;
}

/** The steps without which nothing is proven. */
const NEEDED = [
  'credentials',
  'list-own',
  'list-foreign',
  'get-foreign',
  'list-longer',
  'get-longer',
  'list-bucket',
  'list-own-again',
];
/** Steps that may be impossible here, which the summary then says. They must have been reached all the same. */
const ASKED = [
  'get-own',
  'put-own',
  'put-foreign',
  'delete-foreign',
  'put-longer',
  'delete-longer',
  'get-known',
  'untagged',
];

/** A foreign request that was allowed weighs more than an own one that was refused, and both more than an unclear answer. */
export function resultOf(steps: readonly Step[], wallet: string): VerifyResult {
  const notChecked = steps.filter(step => step.outcome === 'not-checked').map(step => step.title);
  const failed = steps.filter(step => step.outcome === 'broken' || step.outcome === 'denied').length;
  const asked = steps.length - notChecked.length;
  const make = (
    verdict: VerifyResult['verdict'],
    exitCode: VerifyResult['exitCode'],
    summary: string,
    likelyCause = '',
    code = '',
  ): VerifyResult => ({
    verdict,
    exitCode,
    summary,
    failed,
    asked,
    notChecked,
    likelyCause,
    code,
    link: code === '' ? '' : codeUrl(code),
  });
  const failedOf = `${failed} of ${asked} failed`;
  const broken = steps.find(step => step.outcome === 'broken');
  if (broken !== undefined) {
    const summary = `isolation broken for ${wallet}: ${failedOf}`;
    return make('isolation-broken', 3, summary, brokenCause(steps), broken.symptom);
  }
  const denied = steps.find(step => step.outcome === 'denied');
  if (denied !== undefined) {
    const summary = `own access denied for ${wallet}: ${failedOf}`;
    return make('own-access-denied', 4, summary, deniedCause(steps, wallet), denied.symptom);
  }
  const inconclusive = (what: string, code = '') => make('inconclusive', 1, `nothing is proven: ${what}`, '', code);
  const unclear = steps.find(step => step.outcome === 'unclear');
  if (unclear !== undefined) return inconclusive(`${unclear.title}: ${unclear.detail}`, unclear.symptom);
  const unproven = steps.find(step => NEEDED.includes(step.id) && step.outcome !== 'ok');
  if (unproven !== undefined) return inconclusive(`${unproven.title}: ${unproven.detail}`, 'verify-not-s3');
  const missing = [...NEEDED, ...ASKED].find(id => !steps.some(step => step.id === id));
  if (missing !== undefined) return inconclusive(`the step ${missing} was not reached`);
  const but = notChecked.length === 0 ? '' : `; not checked: ${notChecked.join('; ')}`;
  return make('proven', 0, `isolation proven for ${wallet}: ${asked} of ${asked} passed${but}`);
}
