/**
 * Why Ceph's answer is another than STS's, where several rows share the reason. Names in brackets are links to AWS's
 * documentation; `docs/emulator.md` resolves them.
 *
 * @module
 */

/** Refused by both. */
export const TOKEN_CODES =
  'AWS: `InvalidIdentityToken`, 400 [AssumeRoleWithWebIdentity]. Ceph refuses any bad token as S3 would, with `AccessDenied`.';
export const VALIDATION =
  'AWS: `ValidationError`, 400, for an input that breaks a constraint [CommonErrors]. Ceph has S3’s codes.';
export const TAG_LIMITS =
  'AWS: a key of 1 to 128, a value of up to 256 characters of `[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]`, 50 tags [Tag]. Ceph checks none of it.';
export const TAG_SHAPE =
  'AWS: a session tag is one key with one value, a string [session tags]. Ceph takes what it finds.';
export const NULL =
  'AWS: `Null` with `false` means that the key is there [condition operators]. In Ceph it works the wrong way round.';
export const VARIABLES =
  'AWS: policy variables stand in condition values [policy variables]. Ceph knows them only as a whole value, and the role is not had.';
export const SESSION_POLICY =
  'AWS: `MalformedPolicyDocument` for a policy that IAM would not take [AssumeRoleWithWebIdentity]. Ceph is content.';
export const NOT_STS =
  'AWS: STS’s own code, 400 [CommonErrors]. At Ceph a POST without a known action is an S3 request, which has no POST there.';
export const QUERY_SYNTAX =
  'AWS: `MalformedQueryString` for a syntax error, 404 [CommonErrors]; which errors those are is not documented. Ceph skips over it.';
export const VERSION =
  'AWS: `Version` is required [CommonParameters]; that its absence is `InvalidAction` is not documented. Ceph ignores it.';
export const REQUIRED_CLAIM =
  'AWS takes ID tokens; those have `exp` and `iat` [OpenID Connect Core]. The code is not documented for each claim. Ceph does without.';
export const AZP =
  'AWS: where a token has `azp`, that is its audience, in place of `aud`: documented for Google’s tokens [condition keys], observed with others [azp]. Ceph has only `aud`.';
