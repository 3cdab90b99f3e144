/**
 * Configurations as texts and as objects, and what is found in them.
 *
 * @module
 */
import { expect } from 'vitest';
import { configFromObject, loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { type ConfigFolder, configFolder } from '../support/config-folder.ts';

export const WALLET = '0x52908400098527886E0F7030069857D2E4169EE7';
export const OTHER = '0xde709f2102306220921060314715629080e2fb77';
export const BASE = {
  region: 'us-east-1',
  role_arn: 'arn:aws:iam::123456789012:role/data',
  identity_token: { signer: { issuer: 'https://oidc.example.com' } },
};

/** A good configuration of 10 lines, each of which a case may replace (`3`) or append to (`end`). */
export const LINES = [
  'region: us-east-1',
  'role_arn: arn:aws:iam::123456789012:role/data',
  'identity_token:',
  '  signer: { issuer: https://oidc.example.com }',
  'workloads:',
  '  a:',
  `    wallet: "${WALLET}"`,
  '    token_file: tokens/a',
  'endpoint: {}',
  'admin: {}',
];

export function yaml(changes: Record<number, string>, end = ''): string {
  return `${LINES.map((line, i) => changes[i + 1] ?? line).join('\n')}\n${end}`;
}

export async function findingsOf(text: string | Uint8Array, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { dir, write } = configFolder();
  const file = write('walletcreds.yaml', text);
  const error = await loadConfig(file, { env }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return '';
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message.replaceAll(`${dir}/`, '');
}

export const load = (folder: ConfigFolder, object: object, env: NodeJS.ProcessEnv = {}) =>
  configFromObject({ ...BASE, ...object }, { env, baseDir: folder.dir });

/** The message without the folder of this run. */
export async function refusal(folder: ConfigFolder, object: object, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const error = await load(folder, object, env).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message.replaceAll(`${folder.dir}/`, '');
}
