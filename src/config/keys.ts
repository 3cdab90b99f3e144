/**
 * How the keys of `walletcreds.yaml` are declared: type, description, default and example in one place. The reference and
 * the JSON schema are generated from it.
 *
 * All keys are optional to the validator. A required one that is missing is a finding beside the others, see `validate.ts`.
 *
 * @module
 */
import * as z from 'zod/mini';

/** What the reference says of a key. */
export interface KeyInfo {
  /** A sentence or two in Markdown. */
  readonly doc: string;
  /** The value that counts where the key is absent, as YAML would hold it. */
  readonly default?: string | readonly string[];
  /** The same in words, where it depends on something else. */
  readonly otherwise?: string;
  /** The key must be there; what to write. */
  readonly required?: string;
  /** As YAML, where the default doesn't show it. */
  readonly example?: string;
  /** The version that brought it; 0.1.0 unless given. */
  readonly since?: string;
}

export const keyInfo = z.registry<KeyInfo>();

/** What a scalar is called in the reference, and its type in the JSON schema. */
export interface ScalarInfo {
  readonly name: string;
  readonly json?: Readonly<Record<string, unknown>>;
}

export const scalarInfo = z.registry<ScalarInfo>();

type Schema = z.core.$ZodType;

export function key<S extends Schema>(
  type: S,
  info: KeyInfo & { default: string | readonly string[] },
): z.ZodMiniPrefault<S>;
export function key<S extends Schema>(type: S, info: KeyInfo): z.ZodMiniOptional<S>;
export function key<S extends Schema>(type: S, info: KeyInfo): z.ZodMiniPrefault<S> | z.ZodMiniOptional<S> {
  const schema = info.default === undefined ? z.optional(type) : z.prefault(type, info.default as z.input<S>);
  return schema.register(keyInfo as never, info as never);
}

/** A section that has its defaults even where it is absent. */
export function always<S extends Schema>(type: S, info: KeyInfo): z.ZodMiniPrefault<S> {
  return z.prefault(type, {} as z.input<S>).register(keyInfo as never, info as never);
}

/** The finding for unknown keys carries the known ones, for the suggestion. */
export const KNOWN_KEYS = 'known keys: ';

/** A map with these keys and no others. */
export function section<S extends Record<string, Schema>>(shape: S): z.ZodMiniObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: issue => (issue.code === 'unrecognized_keys' ? KNOWN_KEYS + Object.keys(shape).join(' ') : undefined),
  });
}

/** A map from names that the user chooses. */
export function named<S extends Schema>(value: S) {
  return z.record(z.string(), value);
}

/** A list, or one value for a list of one. */
export function some<S extends Schema>(item: S) {
  return z.pipe(
    z.transform((value: unknown) => (typeof value === 'string' ? [value] : value)),
    z.array(item),
  );
}
