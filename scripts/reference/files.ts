/**
 * The files that are generated, by their path in the repository.
 *
 * @module
 */
import { schemaUrl } from '../../src/package.ts';
import { jsonSchema } from './json-schema.ts';
import { metricsPage } from './metrics-page.ts';
import { configurationPage } from './page.ts';
import { partitionsModule } from './partitions.ts';

export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/configuration.md': configurationPage(),
    'docs/metrics.md': metricsPage(),
    'src/lib/aws-partitions.ts': partitionsModule(),
    'schema/walletcreds.schema.json': `${JSON.stringify(jsonSchema(schemaUrl), null, 2)}\n`,
  };
}
