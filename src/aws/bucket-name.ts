/**
 * Bucket names: which ones the policies of this setup can be written for.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 *
 * @module
 */
import { isIP } from 'node:net';
import { UsageError } from '../lib/errors.ts';

const AWS = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const CEPH = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;

/** Names that AWS gives to something else than a general purpose bucket, which has other ARNs and other actions. */
const OTHER_THINGS: readonly (readonly [RegExp, string])[] = [
  [/--x-s3$/, 'a directory bucket (S3 Express), which has other ARNs and actions'],
  [/--table-s3$/, 'a table bucket, which has other ARNs and actions'],
  [/--ol-s3$/, 'the alias of an Object Lambda access point'],
  [/-s3alias$/, 'the alias of an access point'],
  [/\.mrap$/, 'the alias of a multi-region access point'],
];

/** @throws UsageError */
export function checkBucketName(bucket: string, dialect: 'aws' | 'ceph'): void {
  const refuse = (why: string) => new UsageError(`--bucket ${JSON.stringify(bucket)}: ${why}`);
  if (!(dialect === 'aws' ? AWS : CEPH).test(bucket) || isIP(bucket) !== 0) {
    throw refuse('not a bucket\'s name (3 to 63 of a-z, 0-9, "." and "-"; no URL, no ARN)');
  }
  if (dialect !== 'aws') return;
  const other = OTHER_THINGS.find(([pattern]) => pattern.test(bucket));
  if (other !== undefined) throw refuse(`the name of ${other[1]}; name a general purpose bucket`);
  if (/^(xn--|sthree-)/.test(bucket)) throw refuse('S3 reserves names that begin with "xn--" or "sthree-"');
  if (/\.\.|\.-|-\./.test(bucket)) throw refuse('S3 has no names with "..", ".-" or "-."');
}
