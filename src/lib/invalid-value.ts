/**
 * What a parser of a single value throws; the configuration adds the place.
 *
 * @module
 */

/** What a parser of one value throws: what is wrong and how to fix it, without the value itself, which may be a secret. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
}

/** The text is right, but what it stands for isn't there: a variable that isn't set, a file that can't be read. */
export class OutOfReach extends InvalidValue {}
