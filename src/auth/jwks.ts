/**
 * Caches the public keys of one issuer of callers' JWTs, found by discovery, at a URL, or in a file.
 *
 * Keys are fetched every five minutes, and at once for an unknown `kid`, but at most every ten seconds. During an outage of
 * the issuer they are kept for a day, in memory and in a file in `state_dir`. So a restart during the outage refuses no
 * caller.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { JwtCallerConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { UnreadableFile } from '../lib/files/read-text.ts';
import { readTrusted } from '../lib/files/read-trusted.ts';
import { replaceFile } from '../lib/files/replace-file.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { fetchKeySet, MAX_BYTES, parseKeySet } from './jwks-fetch.ts';

const FRESH_MS = 5 * 60_000;
/** Younger keys are used while new ones are fetched; for older keys the fetch is awaited. */
const SETTLED_MS = 2 * FRESH_MS;
/** Reading a local file is cheap. */
const FILE_FRESH_MS = 1_000;
const COOLDOWN_MS = 10_000;
/** How long keys are used while the issuer can't be reached. */
export const STALE_MS = 24 * 3_600_000;

/** Picks the key for a token's header, as `jwtVerify` wants it. */
export type KeyLookup = ReturnType<typeof createLocalJWKSet>;

export interface JwksCache {
  /**
   * @param kid from the token's header; an unknown one is a reason to fetch again
   * @throws Error where no keys are known that may still be used, or where only fetching could tell whose `kid` it is
   */
  get(kid: string | undefined): Promise<KeyLookup>;
  /** For readiness: why the last fetch failed; undefined while all is well. Fetches again where that is due. */
  readonly problem: string | undefined;
}

interface KnownKeys {
  readonly set: JSONWebKeySet;
  readonly lookup: KeyLookup;
  /** Wall time in ms, since it outlives the process. */
  readonly at: number;
}

export interface JwksCacheOptions {
  readonly config: Pick<JwtCallerConfig, 'issuer' | 'jwks'>;
  /** Where the copy is kept; absent: in memory alone. */
  readonly stateDir?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Begins the first fetch at once, so that the first caller needn't wait for it. */
export function createJwksCache({ config, stateDir, clock, log }: JwksCacheOptions): JwksCache {
  const { issuer, jwks } = config;
  const copy = stateDir === undefined || jwks.file !== undefined ? undefined : join(stateDir, copyName(config));
  const fresh = jwks.file === undefined ? FRESH_MS : FILE_FRESH_MS;
  let known: KnownKeys | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let inFlight: Promise<void> | undefined;
  let problem: string | undefined;

  const refresh = async (): Promise<void> => {
    checkedAt = clock.monotonic();
    try {
      known = knownKeys(await fetchKeySet(config, clock), clock.wall());
      if (problem !== undefined) log.info({ issuer }, 'the JWKS of an issuer of callers can be fetched again');
      problem = undefined;
      if (copy !== undefined)
        await replaceFile(copy, JSON.stringify({ set: known.set, at: known.at }), 0o600).catch(error =>
          log.warn({ issuer, ...errorFields(error) }, 'the copy of an issuer’s JWKS could not be written'),
        );
    } catch (error) {
      if (known === undefined && copy !== undefined) known = await readCopy(copy, clock.wall(), log);
      const { code, message } = errorFields(error);
      problem = message;
      log.warn({ issuer, code, message, kept: known !== undefined }, 'the JWKS of an issuer could not be fetched');
    }
  };

  const sinceChecked = (): number => clock.monotonic() - checkedAt;
  const refreshOnce = (): Promise<void> => {
    inFlight ??= refresh().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  };
  void refreshOnce();

  return {
    async get(kid) {
      const hasKey = (): boolean =>
        known !== undefined && (kid === undefined || known.set.keys.some(k => k.kid === kid));
      const age = sinceChecked();
      // During a known outage the kept keys are used without a wait.
      const isEnough = hasKey() && (problem !== undefined || age < SETTLED_MS) && jwks.file === undefined;
      if (age >= (hasKey() && problem === undefined ? fresh : Math.min(fresh, COOLDOWN_MS))) void refreshOnce();
      if (!isEnough && inFlight !== undefined) await inFlight;
      if (known === undefined) throw new Error(problem ?? 'no keys yet');
      const keptFor = clock.wall() - known.at;
      if (keptFor > STALE_MS)
        throw new Error(`they are ${Math.round(keptFor / 3_600_000)} h old and can’t be fetched: ${problem ?? ''}`);
      if (!hasKey() && problem !== undefined) throw new Error(problem);
      return known.lookup;
    },
    get problem() {
      if (sinceChecked() >= (problem === undefined ? fresh : COOLDOWN_MS)) void refreshOnce();
      return problem;
    },
  };
}

function knownKeys(set: JSONWebKeySet, at: number): KnownKeys {
  return { set, lookup: createLocalJWKSet(set), at };
}

/** The name covers the whole source of the keys, so a copy from a source that is no longer configured is never read. */
function copyName({ issuer, jwks }: Pick<JwtCallerConfig, 'issuer' | 'jwks'>): string {
  const place = JSON.stringify([issuer, jwks.url ?? null]);
  return `jwks-${createHash('sha256').update(place).digest('hex').slice(0, 16)}.json`;
}

/** @returns undefined for no copy, a malformed one, one from the future (its age is unknown), and one of another user */
async function readCopy(file: string, now: number, log: Logger): Promise<KnownKeys | undefined> {
  try {
    const { text } = await readTrusted(file, 2 * MAX_BYTES);
    const { set, at } = JSON.parse(text) as { set: unknown; at: unknown };
    return typeof at === 'number' && at <= now ? knownKeys(parseKeySet(JSON.stringify(set), file), at) : undefined;
  } catch (error) {
    if (error instanceof UnreadableFile && error.reason === 'ownership')
      log.error({ file, message: error.message }, 'the copy of an issuer’s JWKS is refused');
    return undefined;
  }
}
