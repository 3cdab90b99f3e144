/**
 * The Compose Specification's own JSON schema (github.com/compose-spec/compose-spec, schema/compose-spec.json, Apache-2.0), as the
 * package `dclint` carries it, with the validator that it brings along. Debian's docker-compose knows only the schema of 2021.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { keptPackages, why } from '../support/kept.ts';

const PACKAGES = { dclint: '3.1.0' };

/** What the specification finds wrong in a compose file, a line each; or why it can't be asked. */
export async function composeSchema(): Promise<{ findings(text: string): string[] } | { missing: string }> {
  try {
    const require = createRequire(join(await keptPackages(PACKAGES), 'node_modules/dclint/package.json'));
    const schema = JSON.parse(readFileSync(require.resolve('./schemas/compose.schema.json'), 'utf8')) as object;
    type Finding = { readonly instancePath: string; readonly message?: string; readonly params: object };
    type Validate = { (value: unknown): boolean; readonly errors?: readonly Finding[] | null };
    type Options = { readonly allErrors: boolean; readonly strict: boolean; readonly validateFormats: boolean };
    const Ajv = (require('ajv') as { default: new (options: Options) => { compile(schema: object): Validate } })
      .default;
    // It names its draft by https, which ajv knows by http alone.
    const { $schema: _draft, ...plain } = schema as Record<string, unknown>;
    const validate = new Ajv({ allErrors: true, strict: false, validateFormats: false }).compile(plain);
    return {
      findings(text) {
        validate(parse(text, { merge: true }));
        return (validate.errors ?? []).map(
          each => `${each.instancePath} ${each.message} ${JSON.stringify(each.params)}`,
        );
      },
    };
  } catch (error) {
    return { missing: `the Compose Specification's schema can't be had: ${why(error)}` };
  }
}
