/**
 * Everything that would fail, and why: the configuration, its keys and tokens, the issuer and STS's clock as they are seen
 * from outside, the cloud account's policies, and an application's environment. It changes nothing.
 *
 * @module
 */
import { isAws } from '../../config/names.ts';
import type { Config } from '../../config/types.ts';
import type { KeySet } from '../../identity-token/keys/index.ts';
import { request } from '../../lib/http-client.ts';
import { type Dialect, issuerOf } from '../plan.ts';
import { Checklist, type Report } from './checklist.ts';
import { checkClock } from './checks/clock.ts';
import { checkConfig, checkConfigError, checkKeys, checkTokenFile, tokenSources } from './checks/config.ts';
import { checkEnvFile, checkMetadataService, checkOwnEnvironment } from './checks/environment.ts';
import { checkIssuer, type Send } from './checks/issuer.ts';
import { checkPolicies } from './checks/policies.ts';
import { finding } from './finding.ts';
import type { DoctorOptions } from './options.ts';

const OFFLINE = '--offline was given';

/** Never throws for bad input: that is a finding. */
export async function diagnose(options: DoctorOptions): Promise<Report> {
  const { env, now = Date.now } = options;
  const list = new Checklist();
  const config = 'error' in options.config ? undefined : options.config;
  const proxy = config?.egressProxy;
  const send = options.send ?? (asked => request({ ...asked, proxy }));
  const dialect = options.dialect ?? (config === undefined ? 'aws' : dialectOf(config));
  const name = `configuration ${options.configFile}`;
  if ('error' in options.config) list.add(name, checkConfigError(options.config.error, options.configFile));
  if (config !== undefined) list.add(name, checkConfig(config));
  if (proxy !== undefined) list.add(`egress proxy ${proxy.url}, for https to other machines`, []);
  if (options.account !== true) list.add("this shell's environment", checkOwnEnvironment(env));
  if (options.appEnv === undefined) list.skip("an application's environment", 'give --app-env FILE');
  else list.add(`environment ${options.appEnv}`, checkEnvFile(options.appEnv, config));
  if (options.appEnv !== undefined && options.offline !== true)
    list.add('instance metadata service', await checkMetadataService(send));
  if (config === undefined) list.skip('identity tokens, issuer and STS', 'the configuration does not load');
  else {
    await checkTokens(list, options, config, dialect, now(), send);
    if (options.offline === true) list.skip(`STS ${config.sts.endpoint}`, OFFLINE);
    else list.add(`STS ${config.sts.endpoint}`, await checkClock(config, dialect, now, send));
  }
  await checkPolicies(list, options, config, dialect, send);
  return list.report(await checkExchange(list, options, config));
}

/** Where identity tokens come from, and what STS will see of their issuer. */
async function checkTokens(
  list: Checklist,
  options: DoctorOptions,
  config: Config,
  dialect: Dialect,
  now: number,
  send: Send,
): Promise<void> {
  const seenBy = { dialect, aws: dialect === 'aws' && isAws(config.sts.endpoint) };
  for (const { source, wallets, hasPolicy } of tokenSources(config)) {
    let keys: KeySet | undefined;
    if (source.kind === 'signer') {
      const checked = await checkKeys(source.keysDir, source.purpose, now);
      list.add(`signing keys ${source.keysDir}`, checked.findings);
      keys = checked.keys;
    }
    if (source.kind === 'file')
      list.add(`identity token ${source.path}`, checkTokenFile(source.path, config.walletTag, wallets, hasPolicy));
    if (source.kind === 'broker')
      list.skip(`identity tokens of ${source.url}`, 'only an exchange asks: give --exchange');
    const issuer = source.kind === 'signer' ? source.issuer : (options.issuer ?? issuerOf(source));
    if (issuer === undefined)
      list.skip('the issuer', 'its name is in the token, which cannot be read: give --issuer URL');
    else if (options.offline === true) list.skip(`issuer ${issuer}`, OFFLINE);
    else list.add(`issuer ${issuer}`, await checkIssuer(issuer, seenBy, keys, now, send));
  }
}

/** @returns whether every workload really got credentials */
async function checkExchange(
  list: Checklist,
  { exchange, configFile }: DoctorOptions,
  config: Config | undefined,
): Promise<boolean> {
  const names = [...(config?.workloads.keys() ?? [])];
  if (exchange === undefined || names.length === 0) {
    const reason = exchange === undefined ? 'give --exchange' : 'the configuration has no workload to try it for';
    list.skip('an exchange at STS for each workload', reason);
    return false;
  }
  let proven = true;
  for (const name of names) {
    try {
      await exchange(name);
      list.add(`exchange for ${name}`, []);
    } catch (error) {
      proven = false;
      const what = error instanceof Error ? error.message : String(error);
      list.add(`exchange for ${name}`, [finding('exchange-failed', what, `${configFile} workloads.${name}`)]);
    }
  }
  return proven;
}

/** Ceph's ARNs have no account. */
export function dialectOf(config: Config): Dialect {
  const roles = [config.defaults.role, ...[...config.workloads.values()].map(w => w.workload.role)];
  return roles.some(role => role?.account === '') ? 'ceph' : 'aws';
}
