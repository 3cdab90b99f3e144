/**
 * The JSON schema of `walletcreds.yaml`, for editors. It allows `${…}` wherever a scalar stands.
 *
 * @module
 */
import type { ScalarInfo } from '../../src/config/keys.ts';
import { type Key, type Kind, root } from './keys.ts';

type Json = Readonly<Record<string, unknown>>;

const INTERPOLATED = { type: 'string', pattern: '\\$\\{' };

/** @param id the URL that the schema is published at */
export function jsonSchema(id: string): Json {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: id,
    title: 'walletcreds.yaml',
    ...schemaOf(root),
  };
}

function schemaOf(value: Kind): Json {
  switch (value.kind) {
    case 'scalar':
      return scalarOf(value.scalar);
    case 'list':
      return { type: 'array', items: schemaOf(value.item) };
    case 'some':
      return { anyOf: [schemaOf(value.item), { type: 'array', items: schemaOf(value.item) }] };
    case 'named':
      return { type: 'object', additionalProperties: schemaOf(value.item) };
    case 'section':
      return sectionOf(value.keys);
  }
}

function sectionOf(keys: readonly Key[]): Json {
  const required = keys.filter(({ info }) => info.required !== undefined).map(({ name }) => name);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(
      keys.map(({ name, info, value }) => [
        name,
        {
          description: info.doc,
          ...(info.default !== undefined && { default: info.default }),
          ...schemaOf(value),
        },
      ]),
    ),
  };
}

/** Scalars are read as text: a wallet or a duration that YAML takes for a number is fine. */
function scalarOf({ json = { type: 'string' } }: ScalarInfo): Json {
  return 'enum' in json ? { anyOf: [json, INTERPOLATED] } : json;
}
