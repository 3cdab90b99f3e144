/**
 * An application's environment, as a file of `KEY=value` lines: which variables come before the endpoint in its SDK's
 * chain, which URI its SDK refuses, and what is wrong with the token.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../../../config/types.ts';
import { type Finding, finding } from '../finding.ts';
import { refusals } from '../uri-rules.ts';

const MAX_ENV = 1024 * 1024;

interface Variable {
  readonly value: string;
  readonly line: number;
}

/** Variables of a file that docker, systemd or a shell would read: `KEY=value`, `export`, quotes. The last one counts. */
export function parseEnvFile(text: string): Map<string, Variable> {
  const out = new Map<string, Variable>();
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((raw, i) => {
      const line = raw
        .trimStart()
        .replace(/^(?:export\s|Environment=)/, '')
        .trimStart();
      const at = line.indexOf('=');
      const key = line.slice(0, Math.max(0, at)).replace(/^"/, '');
      if (!/^[A-Za-z_]\w*$/.test(key)) return;
      const value = line
        .slice(at + 1)
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2');
      out.set(key, { value, line: i + 1 });
    });
  return out;
}

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
  return checkEnvironment(parseEnvFile(text), path, config);
}

export function checkEnvironment(
  env: ReadonlyMap<string, Variable>,
  file: string,
  config: Config | undefined,
): Finding[] {
  const at = (key: string) => `${file}:${env.get(key)?.line ?? 1} ${key}`;
  const value = (key: string) => env.get(key)?.value;
  const out: Finding[] = [];
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
  }
  return out;
}

function checkRelative(uri: string, where: string): Finding[] {
  if (!uri.startsWith('/')) return [finding('env-uri-malformed', 'it must begin with a slash', where)];
  if (/[?#\s]/.test(uri))
    return [finding('env-uri-malformed', 'several clients keep no query; the secret belongs into the path', where)];
  return [];
}

function checkFull(uri: string, where: string): Finding[] {
  if (!URL.canParse(uri))
    return [finding('env-uri-malformed', uri === '' ? 'it is set and empty' : 'it is not a URL', where)];
  const url = new URL(uri);
  const { all, some } = refusals(url);
  if (all !== undefined) return [finding('env-uri-refused', all, where)];
  return some.length === 0
    ? []
    : [finding('env-uri-some', `${url.protocol}//${url.hostname} is refused by: ${some.join('; ')}`, where)];
}

function checkToken(
  env: ReadonlyMap<string, Variable>,
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
  if (token !== undefined && token !== '') out.push(...checkTokenText(token, at(TOKEN), config));
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

/** What the caller's own shell has lying about. */
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
