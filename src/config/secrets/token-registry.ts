/**
 * Every static secret of a configuration by its digest, so that a value that is used twice is found.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { dotted, type Path } from '../issues.ts';

export class TokenRegistry {
  readonly #seen = new Map<string, Path>();

  /** @returns the place where the same value stands already, dotted */
  claim(value: string, path: Path): string | undefined {
    const digest = digestOf(value);
    const first = this.#seen.get(digest);
    if (first === undefined) this.#seen.set(digest, path);
    return first === undefined ? undefined : dotted(first);
  }

  /** Where a value was claimed. */
  placeOf(value: string): Path | undefined {
    return this.#seen.get(digestOf(value));
  }
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64');
}
