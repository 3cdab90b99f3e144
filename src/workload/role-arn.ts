/**
 * The ARN of an IAM role, taken apart once.
 *
 * @module
 */
import { InvalidValue } from '../lib/invalid-value.ts';

/** A role as its ARN names it. */
export interface RoleArn {
  /** The whole ARN, as it was written. */
  readonly arn: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  /** 12 digits; empty at Ceph, whose ARNs have no account. */
  readonly account: string;
  /** `/`, or `/team/` with a slash at both ends. */
  readonly path: string;
  readonly name: string;
}

/** IAM's own limits: a path has 512 characters, a name 64. */
const MAX_PATH = 512;
const NAME = /^[\w+=,.@-]{1,64}$/;
const PREFIX = /^arn:(aws(?:-[a-z-]{1,32})?):iam::([^:]{0,64}):role(\/.*)$/;

/**
 * `arn:aws:iam::123456789012:role/team/data`, or Ceph's form without an account.
 *
 * @throws InvalidValue
 */
export function parseRoleArn(arn: string): RoleArn {
  const match = arn.length > 2048 ? null : PREFIX.exec(arn);
  if (match === null) throw notRole();
  const [, partition = '', account = '', resource = ''] = match;
  if (!/^(\d{12})?$/.test(account)) throw new InvalidValue('not a role ARN: the account must be 12 digits');
  const path = resource.slice(0, resource.lastIndexOf('/') + 1);
  const name = resource.slice(path.length);
  if (!NAME.test(name) || !isPath(path)) throw notRole();
  return { arn, partition, account, path, name };
}

/** IAM takes every printable ASCII character but the space in a path. An empty part is refused, since no tool makes one. */
function isPath(path: string): boolean {
  return path.length <= MAX_PATH && /^[!-~]+$/.test(path) && !path.includes('//');
}

function notRole(): InvalidValue {
  return new InvalidValue('not a role ARN; it reads arn:aws:iam::123456789012:role/NAME');
}
