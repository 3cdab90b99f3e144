/**
 * The public keys of one issuer of callers' JWTs: by discovery, from a URL, or from a file.
 *
 * Keys are fetched at most every five minutes, at once (but no oftener than every ten seconds) for a `kid` that isn't known, and
 * kept through an outage of the issuer for a bounded time, in memory and in a file beside the trail, so that a restart
 * during the outage refuses nobody. The bearer goes only to the issuer's own origin or to a URL that the operator wrote
 * down, never to another origin that discovery names.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import type { Clock } from '../clock.ts';
import type { JwtCallerConfig } from '../config/config.ts';
import { errorFields, type Logger } from '../log.ts';
import { request } from '../outbound.ts';

const FRESH_MS = 5 * 60_000;
const COOLDOWN_MS = 10_000;
/** How long keys are believed that can't be fetched anew. */
const STALE_MS = 24 * 3_600_000;
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 3_000;

export interface IssuerKeys {
  /**
   * @param kid from the token's header; an unknown one is a reason to fetch anew
   * @throws Error where no keys are to be had that are still believed
   */
  get(kid: string | undefined): Promise<JSONWebKeySet>;
  /** For readiness: undefined while fresh. */
  readonly problem: string | undefined;
}

interface Held {
  readonly set: JSONWebKeySet;
  /** Wall time, since it outlives the process. */
  readonly at: number;
}

export interface IssuerKeysOptions {
  readonly config: Pick<JwtCallerConfig, 'issuer' | 'jwks'>;
  /** Where the copy is kept; absent: in memory alone. */
  readonly stateDir?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createIssuerKeys({ config, stateDir, clock, log }: IssuerKeysOptions): IssuerKeys {
  const digest = createHash('sha256').update(config.issuer).digest('hex').slice(0, 16);
  const copy = stateDir === undefined ? undefined : join(stateDir, `jwks-${digest}.json`);
  let held: Held | undefined;
  let checkedAt: number | undefined;
  let flight: Promise<void> | undefined;
  let problem: string | undefined;

  const refresh = async (): Promise<void> => {
    checkedAt = clock.monotonic();
    try {
      const set = await fetchKeys(config);
      held = { set, at: clock.wall() };
      problem = undefined;
      if (copy !== undefined)
        await keep(copy, held).catch(error =>
          log.warn({ ...errorFields(error) }, 'the copy of an issuer’s JWKS could not be written'),
        );
    } catch (error) {
      problem = errorFields(error).message;
      log.warn(
        { issuer: config.issuer, ...errorFields(error) },
        'the JWKS of an issuer of callers could not be fetched',
      );
      if (held === undefined && copy !== undefined) held = await recall(copy);
    }
  };

  return {
    async get(kid) {
      const known = held !== undefined && (kid === undefined || held.set.keys.some(key => key.kid === kid));
      const age = checkedAt === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - checkedAt;
      const wanted = known && problem === undefined ? FRESH_MS : COOLDOWN_MS;
      if (age >= wanted) {
        flight ??= refresh().finally(() => {
          flight = undefined;
        });
        // Known keys are good enough to answer with while newer ones are on their way.
        if (!known) await flight;
      } else if (flight !== undefined && !known) await flight;
      if (held === undefined) throw new Error(problem ?? 'no keys yet');
      const old = clock.wall() - held.at;
      if (old > STALE_MS)
        throw new Error(`keys are ${Math.round(old / 3_600_000)} h old and can’t be fetched anew: ${problem ?? ''}`);
      return held.set;
    },
    get problem() {
      return problem;
    },
  };
}

async function fetchKeys({ issuer, jwks }: Pick<JwtCallerConfig, 'issuer' | 'jwks'>): Promise<JSONWebKeySet> {
  if (jwks.file !== undefined) return parseKeySet(await readFile(jwks.file, 'utf8'), jwks.file);
  const bearer = jwks.bearerFile === undefined ? undefined : (await readFile(jwks.bearerFile, 'utf8')).trim();
  const get = async (url: string, withBearer: boolean): Promise<string> => {
    const answer = await request({
      url,
      method: 'GET',
      headers: {
        accept: 'application/json',
        ...(withBearer && bearer !== undefined ? { authorization: `Bearer ${bearer}` } : {}),
      },
      ...(jwks.caFile === undefined ? {} : { caFile: jwks.caFile }),
      allowInsecureHttp: jwks.allowInsecureHttp,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    });
    if (answer.status !== 200) throw new Error(`${new URL(url).origin} answered ${answer.status}`);
    return answer.body;
  };
  if (jwks.url !== undefined) return parseKeySet(await get(jwks.url, true), jwks.url);
  const discovery = JSON.parse(await get(`${issuer}/.well-known/openid-configuration`, true)) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (discovery.issuer !== issuer) throw new Error(`discovery of ${issuer} names another issuer`);
  if (typeof discovery.jwks_uri !== 'string') throw new Error(`discovery of ${issuer} has no jwks_uri`);
  const sameOrigin = new URL(discovery.jwks_uri).origin === new URL(issuer).origin;
  return parseKeySet(await get(discovery.jwks_uri, sameOrigin), discovery.jwks_uri);
}

function parseKeySet(text: string, from: string): JSONWebKeySet {
  const value = JSON.parse(text) as { keys?: unknown };
  if (typeof value !== 'object' || value === null || !Array.isArray(value.keys)) throw new Error(`${from} is no JWKS`);
  // Symmetric and private keys have no place here: the first would let a public value sign.
  const keys = value.keys.filter(
    (key): key is JSONWebKeySet['keys'][number] =>
      typeof key === 'object' && key !== null && key.kty !== 'oct' && !('d' in key),
  );
  if (keys.length === 0) throw new Error(`${from} holds no public key`);
  return { keys };
}

/** By rename, so that a crash leaves the old copy or the new one. */
async function keep(file: string, held: Held): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(held), { mode: 0o600 });
  await rename(temporary, file);
}

async function recall(file: string): Promise<Held | undefined> {
  try {
    const { set, at } = JSON.parse(await readFile(file, 'utf8')) as Held;
    return typeof at === 'number' ? { set: parseKeySet(JSON.stringify(set), file), at } : undefined;
  } catch {
    return undefined;
  }
}
