/**
 * An application's environment: which variables come before the endpoint in its SDK's chain, which URI its SDK refuses, and
 * what is wrong with the token.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../../../config/types.ts';
import { environmentsIn, type Variables } from '../environment-file.ts';
import { type Finding, finding } from '../finding.ts';
import { refusals } from '../uri-rules.ts';
import type { Send } from './issuer.ts';

const MAX_ENV = 1024 * 1024;

/** @throws nothing: a file that can't be read is a finding */
export function checkEnvFile(path: string, config: Config | undefined): Finding[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return [
      finding('env-unreadable', `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, path),
    ];
  }
  if (text.length > MAX_ENV) return [finding('env-unreadable', `${text.length} characters are no environment`, path)];
  return environmentsIn(text, path).flatMap(({ name, variables }) => checkEnvironment(variables, name, config));
}

export function checkEnvironment(env: Variables, file: string, config: Config | undefined): Finding[] {
  const at = (key: string) => `${file}:${env.get(key)?.line ?? 1} ${key}`;
  const value = (key: string) => env.get(key)?.value;
  const out: Finding[] = [];
  for (const [key, { isQuoted }] of env) {
    if (key.startsWith('AWS_') && isQuoted === true)
      out.push(finding('env-quoted', 'docker keeps the quotes: they are a part of the value', at(key)));
  }
  for (const key of [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_PROFILE',
    'AWS_DEFAULT_PROFILE',
  ]) {
    if ((value(key) ?? '') !== '') out.push(finding('env-shadowed', `${key} is set beside the endpoint`, at(key)));
  }
  const full = value('AWS_CONTAINER_CREDENTIALS_FULL_URI');
  const relative = value('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
  if (relative === '')
    out.push(finding('env-relative-empty', 'it is set and empty', at('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')));
  if (full === undefined && relative === undefined) {
    out.push(finding('env-no-endpoint', 'neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor …_RELATIVE_URI is set', file));
  }
  if (full !== undefined && relative !== undefined && relative !== '') {
    out.push(
      finding('env-both-uris', 'FULL_URI and RELATIVE_URI are both set', at('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')),
    );
  }
  if (relative !== undefined && relative !== '')
    out.push(...checkRelative(relative, at('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')));
  if (full !== undefined) out.push(...checkFull(full, at('AWS_CONTAINER_CREDENTIALS_FULL_URI')));
  out.push(...checkToken(env, at, file, full !== undefined, config));
  if ((value('AWS_REGION') ?? '') === '' && (value('AWS_DEFAULT_REGION') ?? '') === '') {
    out.push(finding('env-no-region', 'neither AWS_REGION nor AWS_DEFAULT_REGION is set', file));
  } else if ((value('AWS_REGION') ?? '') === '' || (value('AWS_DEFAULT_REGION') ?? '') === '') {
    const [has, lacks] =
      (value('AWS_REGION') ?? '') === '' ? ['DEFAULT_REGION', 'REGION'] : ['REGION', 'DEFAULT_REGION'];
    out.push(finding('env-one-region', `AWS_${has} is set, and AWS_${lacks} is not`, at(`AWS_${has}`)));
  }
  out.push(...checkProxy(env, at, full));
  return out;
}

function checkRelative(uri: string, where: string): Finding[] {
  if (!uri.startsWith('/')) return [finding('env-uri-malformed', 'it must begin with a slash', where)];
  if (/[?#\s]/.test(uri))
    return [finding('env-uri-malformed', 'several clients keep no query; the secret belongs into the path', where)];
  return ID_PATH.test(uri) ? [] : [finding('env-uri-path', `the endpoint has no ${uri}`, where)];
}

/** The endpoint's two paths, neither with a slash at the end. */
const ID_PATH = /^\/v2\/credentials\/[^/]+$/;
const TOKEN_PATH = '/v1/credentials';

function checkFull(uri: string, where: string): Finding[] {
  if (!URL.canParse(uri))
    return [finding('env-uri-malformed', uri === '' ? 'it is set and empty' : 'it is not a URL', where)];
  const url = new URL(uri);
  const { all, some } = refusals(url);
  if (all !== undefined) return [finding('env-uri-refused', all, where)];
  if (url.pathname !== TOKEN_PATH && !ID_PATH.test(url.pathname))
    return [finding('env-uri-path', `the endpoint has no ${url.pathname}`, where)];
  return some.length === 0
    ? []
    : [finding('env-uri-some', `${url.protocol}//${url.hostname} is refused by: ${some.join('; ')}`, where)];
}

function checkToken(
  env: Variables,
  at: (key: string) => string,
  file: string,
  needed: boolean,
  config: Config | undefined,
): Finding[] {
  const TOKEN = 'AWS_CONTAINER_AUTHORIZATION_TOKEN';
  const token = env.get(TOKEN)?.value;
  const tokenFile = env.get(`${TOKEN}_FILE`)?.value;
  const out: Finding[] = [];
  if (token !== undefined && tokenFile !== undefined) {
    out.push(finding('env-both-tokens', `${TOKEN} and ${TOKEN}_FILE are both set`, at(TOKEN)));
  }
  if ((token ?? '') === '' && (tokenFile ?? '') === '' && needed) {
    out.push(finding('env-no-token', `neither ${TOKEN} nor ${TOKEN}_FILE is set`, file));
  }
  if (token !== undefined && token !== '') {
    if (tokenFile === undefined) out.push(finding('env-token-only', 'the token is in a variable only', at(TOKEN)));
    out.push(...checkTokenText(token, at(TOKEN), config));
  }
  if (tokenFile !== undefined && tokenFile !== '') {
    if (token === undefined)
      out.push(finding('env-token-file-only', 'the token is in a file only', at(`${TOKEN}_FILE`)));
    try {
      out.push(...checkTokenText(readFileSync(tokenFile, 'utf8').slice(0, 65_536), tokenFile, config));
    } catch (error) {
      const what = `${tokenFile} cannot be read from here (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
      const fix = 'Check the mount; a path that exists only inside the container is checked there.';
      out.push(finding('env-token-unreadable', what, at(`${TOKEN}_FILE`), { fix }));
    }
  }
  return out;
}

/** A proxy that is asked for the endpoint gets the token, and can't reach the application's loopback. */
function checkProxy(env: Variables, at: (key: string) => string, full: string | undefined): Finding[] {
  const named = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'].find(key => (env.get(key)?.value ?? '') !== '');
  if (named === undefined) return [];
  const host = full !== undefined && URL.canParse(full) ? new URL(full).hostname : '169.254.170.2';
  const exceptions = (env.get('NO_PROXY') ?? env.get('no_proxy'))?.value.split(',').map(entry => entry.trim()) ?? [];
  const bare = host.replace(/^\[|\]$/g, '');
  const isExcepted = exceptions.some(entry => {
    const name = entry.replace(/^\*?\./, '');
    return entry === '*' || entry === host || entry === bare || (name !== '' && bare.endsWith(`.${name}`));
  });
  return isExcepted ? [] : [finding('env-proxy', `${named} is set, and NO_PROXY does not name ${host}`, at(named))];
}

/** The instance's metadata service: where the endpoint fails, an SDK goes on to it and runs as the instance's role. */
export async function checkMetadataService(send: Send): Promise<Finding[]> {
  const url = 'http://169.254.169.254/';
  try {
    await send({ url, timeoutMs: 1_000, allowInsecureHttp: true });
  } catch {
    return [];
  }
  return [finding('env-imds', 'it answers from here', url)];
}

/** Never repeats the token. */
function checkTokenText(token: string, where: string, config: Config | undefined): Finding[] {
  if (/[\r\n]$/.test(token)) return [finding('env-token-malformed', 'the token ends in a newline', where)];
  if (token.startsWith('\uFEFF'))
    return [finding('env-token-malformed', 'the token begins with a byte order mark', where)];
  if (!/^[\x21-\x7e]+$/.test(token.replace(/^Bearer /, ''))) {
    return [
      finding(
        'env-token-malformed',
        token === '' ? 'the token is empty' : 'the token holds a space, a newline or no ASCII',
        where,
      ),
    ];
  }
  const known =
    config === undefined
      ? []
      : [...config.workloads.values()].flatMap(w => (w.token === undefined ? [] : [w.token.value]));
  if (known.length > 0 && config?.callers.jwt.length === 0 && !known.includes(token.replace(/^Bearer /, ''))) {
    return [finding('env-token-unknown', 'the token is none of this configuration', where)];
  }
  return [];
}

/** Variables that are left over in the caller's own shell. */
export function checkOwnEnvironment(env: NodeJS.ProcessEnv): Finding[] {
  const keys = [
    'AWS_ACCESS_KEY_ID',
    'AWS_SESSION_TOKEN',
    'AWS_PROFILE',
    'AWS_DEFAULT_PROFILE',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_ROLE_ARN',
  ];
  const set = keys.filter(key => (env[key] ?? '') !== '');
  if (set.length === 0) return [];
  const fix = `Clear them before a probe: env ${set.map(key => `-u ${key}`).join(' ')} …`;
  return [finding('env-leftover', `set here: ${set.join(', ')}`, "this shell's environment", { fix })];
}
