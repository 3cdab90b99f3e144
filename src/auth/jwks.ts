/**
 * The public keys of one issuer of callers' JWTs: by discovery, from a URL, or from a file.
 *
 * Keys are fetched every five minutes, and for a `kid` that isn't known at once, but no oftener than every ten seconds.
 * Through an outage of the issuer they are kept for a bounded time, in memory and in a file in `state_dir`, so that a
 * restart during the outage refuses nobody.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { JwtCallerConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { errorFields, type Logger } from '../lib/log.ts';
import { fetchKeySet, parseKeySet } from './jwks-fetch.ts';

const FRESH_MS = 5 * 60_000;
/** Up to this age keys are answered with while newer ones are on their way; after it the newer ones are waited for. */
const SETTLED_MS = 2 * FRESH_MS;
/** A file is on this machine: it is read again as soon as that may matter. */
const FILE_FRESH_MS = 1_000;
const COOLDOWN_MS = 10_000;
/** How long keys are believed that can't be fetched anew. */
export const STALE_MS = 24 * 3_600_000;

/** Picks the key for a token's header, as `jwtVerify` wants it. */
export type KeyLookup = ReturnType<typeof createLocalJWKSet>;

export interface IssuerKeys {
  /**
   * @param kid from the token's header; an unknown one is a reason to fetch anew
   * @throws Error where no keys are to be had that are still believed, or where only fetching could tell whose `kid` it is
   */
  get(kid: string | undefined): Promise<KeyLookup>;
  /** For readiness: why the last fetch failed; undefined while all is well. Looks anew where that is due. */
  readonly problem: string | undefined;
}

interface Held {
  readonly set: JSONWebKeySet;
  readonly lookup: KeyLookup;
  /** Wall time in ms, since it outlives the process. */
  readonly at: number;
}

export interface IssuerKeysOptions {
  readonly config: Pick<JwtCallerConfig, 'issuer' | 'jwks'>;
  /** Where the copy is kept; absent: in memory alone. */
  readonly stateDir?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Begins the first fetch at once, so that the first caller needn't wait for it. */
export function createIssuerKeys({ config, stateDir, clock, log }: IssuerKeysOptions): IssuerKeys {
  const { issuer, jwks } = config;
  const copy = stateDir === undefined || jwks.file !== undefined ? undefined : join(stateDir, copyName(config));
  const fresh = jwks.file === undefined ? FRESH_MS : FILE_FRESH_MS;
  let held: Held | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let flight: Promise<void> | undefined;
  let problem: string | undefined;

  const refresh = async (): Promise<void> => {
    checkedAt = clock.monotonic();
    try {
      held = heldOf(await fetchKeySet(config, clock), clock.wall());
      if (problem !== undefined) log.info({ issuer }, 'the JWKS of an issuer of callers can be fetched again');
      problem = undefined;
      if (copy !== undefined)
        await keep(copy, held).catch(error =>
          log.warn({ issuer, ...errorFields(error) }, 'the copy of an issuer’s JWKS could not be written'),
        );
    } catch (error) {
      if (held === undefined && copy !== undefined) held = await recall(copy, clock.wall());
      const { code, message } = errorFields(error);
      problem = message;
      log.warn({ issuer, code, message, kept: held !== undefined }, 'the JWKS of an issuer could not be fetched');
    }
  };

  const since = (): number => clock.monotonic() - checkedAt;
  const look = (): Promise<void> => {
    flight ??= refresh().finally(() => {
      flight = undefined;
    });
    return flight;
  };
  void look();

  return {
    async get(kid) {
      const names = (): boolean => held !== undefined && (kid === undefined || held.set.keys.some(k => k.kid === kid));
      const unasked = since();
      // An outage that is known of needn't be waited for again: that is what the kept keys are for.
      const enough = names() && (problem !== undefined || unasked < SETTLED_MS) && jwks.file === undefined;
      if (unasked >= (names() && problem === undefined ? fresh : Math.min(fresh, COOLDOWN_MS))) void look();
      if (!enough && flight !== undefined) await flight;
      if (held === undefined) throw new Error(problem ?? 'no keys yet');
      const age = clock.wall() - held.at;
      if (age > STALE_MS)
        throw new Error(`they are ${Math.round(age / 3_600_000)} h old and can’t be fetched anew: ${problem ?? ''}`);
      if (!names() && problem !== undefined) throw new Error(problem);
      return held.lookup;
    },
    get problem() {
      if (since() >= (problem === undefined ? fresh : COOLDOWN_MS)) void look();
      return problem;
    },
  };
}

function heldOf(set: JSONWebKeySet, at: number): Held {
  return { set, lookup: createLocalJWKSet(set), at };
}

/** By all that says where the keys come from: a copy from a place that is configured no more is never read again. */
function copyName({ issuer, jwks }: Pick<JwtCallerConfig, 'issuer' | 'jwks'>): string {
  const place = JSON.stringify([issuer, jwks.url ?? null]);
  return `jwks-${createHash('sha256').update(place).digest('hex').slice(0, 16)}.json`;
}

/** By rename, so that a crash leaves the old copy or the new one. */
async function keep(file: string, { set, at }: Held): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify({ set, at }), { mode: 0o600 });
  await rename(temporary, file);
}

/** @returns undefined for no copy, one that is none, and one from the future, whose age nobody knows */
async function recall(file: string, now: number): Promise<Held | undefined> {
  try {
    const { set, at } = JSON.parse(await readFile(file, 'utf8')) as { set: unknown; at: unknown };
    return typeof at === 'number' && at <= now ? heldOf(parseKeySet(JSON.stringify(set), file), at) : undefined;
  } catch {
    return undefined;
  }
}
