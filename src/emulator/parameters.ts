/**
 * The parameters of AssumeRoleWithWebIdentity and AssumeRole, checked by STS's constraints, all violations in one answer.
 *
 * @module
 */
import { StsError, type Violation, validationError } from './errors.ts';
import { awsRole } from './roles.ts';
import { checkSessionPolicy } from './session-policy.ts';

export interface AssumeRoleParameters {
  readonly roleArn: string;
  readonly sessionName: string;
  /** Empty for AssumeRole. */
  readonly webIdentityToken: string;
  /** Seconds; 3600 where none was sent. */
  readonly durationSeconds: number;
  readonly policy: string | undefined;
  readonly policyArns: readonly string[];
}

interface Constraint {
  readonly min: number;
  readonly max: number;
  readonly pattern?: { readonly test: RegExp; readonly shown: string };
  /** Never shown in an answer. */
  readonly secret?: boolean;
}

const DEFAULT_DURATION = 3600;
const MIN_DURATION = 900;
const MAX_DURATION = 43_200;
const SESSION_NAME = { min: 2, max: 64, pattern: { test: /^[\w+=,.@-]*$/, shown: '[\\w+=,.@-]*' } };
const ROLE_ARN = { min: 20, max: 2048 };
const TOKEN = { min: 4, max: 20_000, secret: true };
const POLICY = {
  min: 1,
  max: 2048,
  pattern: { test: /^[\t\n\r\u0020-\u00ff]+$/, shown: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+' },
};
const MAX_POLICY_ARNS = 10;

/** @throws StsError `ValidationError`, `MalformedPolicyDocument` */
export function readAssumeRole(
  params: ReadonlyMap<string, string>,
  needs: { token: boolean } = { token: true },
): AssumeRoleParameters {
  const violations: Violation[] = [];
  const roleArn = text('RoleArn', ROLE_ARN, true);
  const sessionName = text('RoleSessionName', SESSION_NAME, true);
  const webIdentityToken = needs.token ? text('WebIdentityToken', TOKEN, true) : '';
  const policy = text('Policy', POLICY, false);
  const durationSeconds = duration(params.get('DurationSeconds'), violations);
  const policyArns = [...params].filter(([name]) => /^PolicyArns\.member\.\d+\.arn$/.test(name)).map(([, arn]) => arn);
  if (policyArns.length > MAX_POLICY_ARNS) {
    const constraint = `Member must have length less than or equal to ${MAX_POLICY_ARNS}`;
    violations.push({ at: 'policyArns', value: `${policyArns.length} ARNs`, constraint });
  }
  if (violations.length > 0 || roleArn === undefined || sessionName === undefined || webIdentityToken === undefined) {
    throw validationError(violations);
  }
  if (awsRole(roleArn) === undefined) {
    throw new StsError('ValidationError', 'Request ARN is invalid');
  }
  if (policyArns.some(arn => !/^arn:[a-z-]+:iam::(\d{12}|aws):policy\/\S+$/.test(arn))) {
    throw new StsError('ValidationError', 'ARN of a managed session policy is invalid');
  }
  // The one limit that the inline and the managed policies share; the packed size is another.
  const plain = [...(policy ?? ''), ...policyArns.join('')].length;
  if (plain > POLICY.max) {
    throw new StsError('ValidationError', `Session policies have ${plain} characters together, over ${POLICY.max}`);
  }
  if (policy !== undefined) checkSessionPolicy(policy);
  return { roleArn, sessionName, webIdentityToken, durationSeconds, policy, policyArns };

  function text(name: string, constraint: Constraint, required: boolean): string | undefined {
    const value = params.get(name);
    const at = name[0]?.toLowerCase() + name.slice(1);
    if (value === undefined) {
      if (required) violations.push({ at, value: null, constraint: 'Member must not be null' });
      return undefined;
    }
    const say = (said: string) => violations.push({ at, value: constraint.secret ? '***' : value, constraint: said });
    const length = [...value].length;
    if (length < constraint.min) say(`Member must have length greater than or equal to ${constraint.min}`);
    if (length > constraint.max) say(`Member must have length less than or equal to ${constraint.max}`);
    if (constraint.pattern?.test.test(value) === false) {
      say(`Member must satisfy regular expression pattern: ${constraint.pattern.shown}`);
    }
    return value;
  }
}

function duration(value: string | undefined, violations: Violation[]): number {
  if (value === undefined) return DEFAULT_DURATION;
  const seconds = /^-?\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  const say = (constraint: string) => violations.push({ at: 'durationSeconds', value, constraint });
  if (Number.isNaN(seconds)) say('Member must be an integer');
  if (seconds < MIN_DURATION) say(`Member must have value greater than or equal to ${MIN_DURATION}`);
  if (seconds > MAX_DURATION) say(`Member must have value less than or equal to ${MAX_DURATION}`);
  return seconds;
}
