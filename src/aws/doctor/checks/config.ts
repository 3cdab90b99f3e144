/**
 * The configuration itself, and the local files that identity tokens come from.
 *
 * @module
 */
import { TEMPLATE_ACCOUNT, TEMPLATE_ISSUER } from '../../../config/template.ts';
import type { Config } from '../../../config/types.ts';
import { type KeySet, loadKeys, UnusableKeys } from '../../../identity-token/keys/index.ts';
import { ConfigError, WalletcredsError } from '../../../lib/errors.ts';
import { masked } from '../../../lib/text/masked.ts';
import type { IdentityTokenConfig } from '../../../workload/workload.ts';
import { type Finding, finding } from '../finding.ts';
import { principalTagsOf, readTokenFile } from '../token-file.ts';

/** A configuration that could not be loaded, problem by problem. */
export function checkConfigError(error: unknown, file: string): Finding[] {
  if (error instanceof ConfigError) {
    return error.problems.map(({ line, column, key, message }) =>
      finding(
        'config-invalid',
        message,
        `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`}${key === '' ? '' : ` ${key}`}`,
      ),
    );
  }
  return [finding('config-invalid', masked(error instanceof Error ? error.message : String(error)), file)];
}

export function checkConfig(config: Config): Finding[] {
  const file = config.file ?? 'configuration';
  const out = config.warnings.map(text => finding('config-warning', masked(text), file));
  out.push(...checkPlaceholders(config, file));
  const half = 30 * 60;
  if (config.defaults.sessionDuration < half) {
    out.push(
      finding(
        'session-short',
        `sessions last ${config.defaults.sessionDuration / 60} minutes`,
        `${file} session_duration`,
      ),
    );
  }
  for (const [name, { workload }] of config.workloads) {
    if (workload.sessionDuration < half && workload.sessionDuration !== config.defaults.sessionDuration) {
      const where = `${file} workloads.${name}.session_duration`;
      out.push(finding('session-short', `sessions last ${workload.sessionDuration / 60} minutes`, where));
    }
  }
  return out;
}

/** Values of the template that `init` writes, left as they were. */
function checkPlaceholders(config: Config, file: string): Finding[] {
  const workloads = [...config.workloads].map(([name, { workload }]) => ({ ...workload, key: `workloads.${name}.` }));
  const all = [{ ...config.defaults, key: '' }, ...workloads];
  const out: Finding[] = [];
  for (const { role, identityToken, key } of all) {
    if (role?.account === TEMPLATE_ACCOUNT && (key === '' || role.arn !== config.defaults.role?.arn))
      out.push(
        finding('config-placeholder', `the account ${TEMPLATE_ACCOUNT} is AWS's example`, `${file} ${key}role_arn`),
      );
    if (identityToken.kind === 'signer' && identityToken.issuer === TEMPLATE_ISSUER)
      out.push(
        finding('config-placeholder', `${TEMPLATE_ISSUER} is an example`, `${file} identity_token.signer.issuer`),
      );
  }
  return out;
}

/** Every source of identity tokens that the configuration names, once. */
export function tokenSources(config: Config): { source: IdentityTokenConfig; wallets: string[]; hasPolicy: boolean }[] {
  const uses = [...config.workloads.values()].map(({ workload }) => workload);
  const all = new Map<string, { source: IdentityTokenConfig; wallets: string[]; hasPolicy: boolean }>();
  for (const { source, wallet, policy } of [
    ...uses.map(w => ({
      source: w.identityToken,
      wallet: w.wallet as string | undefined,
      policy: w.sessionPolicy !== undefined,
    })),
    { source: config.defaults.identityToken, wallet: undefined, policy: false },
  ]) {
    const key = JSON.stringify(source);
    const entry = all.get(key) ?? { source, wallets: [], hasPolicy: true };
    if (wallet !== undefined) {
      entry.wallets.push(wallet);
      entry.hasPolicy = entry.hasPolicy && policy;
    }
    all.set(key, entry);
  }
  return [...all.values()];
}

/** The keys of a signer; findings where they can't be used. */
export async function checkKeys(
  dir: string,
  purpose: 'oidc' | 'dev',
  now: number,
): Promise<{ keys?: KeySet; findings: Finding[] }> {
  try {
    const keys = await loadKeys(dir, purpose);
    keys.activeKey(now);
    return { keys, findings: [] };
  } catch (error) {
    if (error instanceof UnusableKeys) {
      return { findings: error.problems.map(({ file, message }) => finding('keys-unusable', message, file)) };
    }
    const message = error instanceof WalletcredsError ? error.message : 'the folder cannot be read';
    return { findings: [finding('keys-unusable', message, dir)] };
  }
}

/** A projected token: there, and with its wallet. Nothing of it but the wallet tag is repeated. */
export function checkTokenFile(
  path: string,
  walletTag: string,
  wallets: readonly string[],
  hasPolicy: boolean,
): Finding[] {
  const token = readTokenFile(path);
  if (token === undefined) return [finding('token-unreadable', 'there is no readable JWT', path)];
  const tags = principalTagsOf(token.claims);
  const value = Object.entries(tags).find(([key]) => key.toLowerCase() === walletTag.toLowerCase())?.[1];
  if (value === undefined) {
    if (hasPolicy) return [];
    return [finding('token-untagged', `the token carries no principal tag ${walletTag}`, path)];
  }
  if (value === value.toLowerCase() || !wallets.includes(value.toLowerCase())) return [];
  return [finding('wallet-case', `the tag ${walletTag} holds ${value}, in mixed case`, path)];
}
