/**
 * The keys of `walletcreds.yaml` as the schema declares them, for the reference and the JSON schema.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { type KeyInfo, keyInfo, type ScalarInfo, scalarInfo } from '../../src/config/keys.ts';
import { schema } from '../../src/config/schema.ts';

/** What may stand as a value. */
export type Kind =
  | { readonly kind: 'section'; readonly keys: readonly Key[] }
  | { readonly kind: 'named' | 'list' | 'some'; readonly item: Kind }
  | { readonly kind: 'scalar'; readonly scalar: ScalarInfo };

export interface Key {
  readonly name: string;
  readonly info: KeyInfo;
  readonly value: Kind;
  /** The schema itself. */
  readonly type: z.ZodMiniType;
}

type Schema = z.core.$ZodType;

/** A section that stands at several places is one object here, too. */
const known = new Map<Schema, Kind>();

function kindOf(type: Schema): Kind {
  const found = known.get(type) ?? newKind(type);
  known.set(type, found);
  return found;
}

function newKind(type: Schema): Kind {
  const scalar = scalarInfo.get(type as never);
  if (scalar !== undefined) return { kind: 'scalar', scalar };
  const { def } = (type as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'prefault':
      return kindOf(def.innerType);
    case 'record':
      return { kind: 'named', item: kindOf(def.valueType) };
    case 'array':
      return { kind: 'list', item: kindOf(def.element) };
    case 'pipe': {
      const list = kindOf(def.out);
      if (list.kind !== 'list') throw new Error('a pipe that is neither a scalar nor a list');
      return { kind: 'some', item: list.item };
    }
    case 'object':
      return { kind: 'section', keys: Object.entries(def.shape).map(([name, value]) => keyOf(name, value)) };
    default:
      throw new Error(`a schema of type ${def.type} has no place in the reference`);
  }
}

function keyOf(name: string, type: Schema): Key {
  const info = keyInfo.get(type as never);
  if (info === undefined) throw new Error(`the key ${name} has no description`);
  return { name, info, value: kindOf(type), type: type as z.ZodMiniType };
}

/** The whole file. */
export const root = kindOf(schema);
