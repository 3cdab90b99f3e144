/**
 * The files that are generated from the schema, by their path in the repository.
 *
 * @module
 */
import { schemaUrl } from '../../src/package.ts';
import { jsonSchema } from './json-schema.ts';
import { configurationPage } from './page.ts';

export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/configuration.md': configurationPage(),
    'schema/walletcreds.schema.json': `${JSON.stringify(jsonSchema(schemaUrl), null, 2)}\n`,
  };
}
