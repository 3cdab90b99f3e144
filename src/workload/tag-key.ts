/**
 * When two keys of tags are one: STS compares them without regard to case, and so does a policy.
 *
 * @module
 */

/**
 * Two keys are the same to STS, or might be, when this is the same. Wider than a change of case: what only looks like another
 * key (`ﬁ` and `fi`, `ſ` and `s`, full-width letters) must not pass for one either.
 */
export function foldTagKey(key: string): string {
  return key.normalize('NFKC').toUpperCase().toLowerCase();
}
