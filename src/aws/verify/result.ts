/**
 * What a walk proves.
 *
 * @module
 */
import { codeUrl } from '../../package.ts';
import type { Step } from './steps.ts';

export interface Verdict {
  readonly verdict: 'proven' | 'isolation-broken' | 'own-access-denied' | 'inconclusive';
  /** 0 proven, 3 isolation broken, 4 own access denied, 1 it could not be carried out. */
  readonly exitCode: 0 | 1 | 3 | 4;
  readonly summary: string;
  /** What was not checked, by its promise. */
  readonly notChecked: readonly string[];
  readonly likelyCause: string;
  /** Of the symptom: `walletcreds explain CODE`; '' if it is proven. */
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
/** Steps that may be impossible here, which the verdict then says; a walk that broke off before them proves nothing. */
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

/** An open foreign door weighs more than a shut own one, and both more than a step that says nothing. */
export function verdictOf(steps: readonly Step[], wallet: string): Verdict {
  const notChecked = steps.filter(s => s.outcome === 'not-checked').map(s => s.title);
  const make = (
    verdict: Verdict['verdict'],
    exitCode: Verdict['exitCode'],
    summary: string,
    likelyCause: string,
    symptom: string,
  ): Verdict => ({
    verdict,
    exitCode,
    summary,
    notChecked,
    likelyCause,
    code: symptom,
    link: symptom === '' ? '' : codeUrl(symptom),
  });
  const broken = steps.find(s => s.outcome === 'broken');
  if (broken !== undefined) {
    const cause =
      broken.id === 'untagged'
        ? 'the trust policy does not demand the tag (Null "false"), or trusts a second principal'
        : 'a broad grant (s3:*) on the role or in the bucket policy, and no Deny against it; see walletcreds doctor --account';
    return make(
      'isolation-broken',
      3,
      `isolation broken: ${broken.title}, but ${broken.detail}`,
      cause,
      broken.symptom,
    );
  }
  const denied = steps.find(s => s.outcome === 'denied');
  if (denied !== undefined) {
    const again = 'the session ended while it was looked at: its wallet was revoked, or a policy was changed';
    const write = `the policy grants no s3:PutObject there, or the bucket refuses a put without headers that it demands (encryption, KMS); reading works`;
    const never = `the policy does not match the session's tag (another prefix, another tag name, a wallet in mixed case), the token carries no tags, or a Deny stands against it; the folder must be named ${wallet}`;
    const cause = denied.id === 'list-own-again' ? again : denied.id === 'put-own' ? write : never;
    return make('own-access-denied', 4, `own access denied: ${denied.title} is AccessDenied`, cause, denied.symptom);
  }
  const unclear = steps.find(s => s.outcome === 'unclear');
  if (unclear !== undefined) {
    return make('inconclusive', 1, `nothing is proven: ${unclear.title}: ${unclear.detail}`, '', unclear.symptom);
  }
  const unproven = steps.find(s => NEEDED.includes(s.id) && s.outcome !== 'ok');
  if (unproven !== undefined)
    return make('inconclusive', 1, `nothing is proven: ${unproven.title}: ${unproven.detail}`, '', 'verify-not-s3');
  const missing = [...NEEDED, ...ASKED].find(id => !steps.some(s => s.id === id));
  if (missing !== undefined)
    return make('inconclusive', 1, `nothing is proven: the step ${missing} was not reached`, '', '');
  const but = notChecked.length === 0 ? '' : `; not checked: ${notChecked.join('; ')}`;
  return make('proven', 0, `isolation proven for ${wallet}${but}`, '', '');
}
