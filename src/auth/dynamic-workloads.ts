/**
 * Workloads of the configuration by name, and dynamic workloads for wallets that a JWT or a session names.
 *
 * A dynamic workload is (issuer or backend, subject, wallet) with the top level's role and duration and no tags. So it has
 * a cache entry and an audit identity of its own. It never has the wallet of a configured workload.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config/types.ts';
import { WorkloadUnknown } from '../lib/errors.ts';
import { InvalidWallet, parseWallet, type Wallet } from '../workload/wallet.ts';
import { makeWorkload, type Workload } from '../workload/workload.ts';

/** A wallet, the issuer or backend that states it, and its subject. */
export interface WalletStatement {
  readonly by: 'jwt' | 'session';
  /** The issuer or the backend's URL, byte for byte. */
  readonly source: string;
  /** The JWT's `sub`; '' for a session, whose wallet is all that is known. */
  readonly subject: string;
  /** Not checked yet. */
  readonly wallet: unknown;
}

/** How many dynamic workloads are kept; one that was dropped is made again at its next request. */
const MAX_REMEMBERED = 10_000;

export class DynamicWorkloads {
  readonly #config: Config;
  readonly #configuredWallets: ReadonlySet<Wallet>;
  /** By `by` and source: the wallets that it may state. */
  readonly #authority: ReadonlyMap<string, 'any' | ReadonlySet<string>>;
  // Each entry has size 1. With `max` the cache would allocate memory for all entries at once.
  readonly #made = new LRUCache<string, { readonly workload: Workload; readonly statement: WalletStatement }>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: () => 1,
  });

  private constructor(config: Config, configuredWallets: ReadonlySet<Wallet>) {
    this.#config = config;
    this.#configuredWallets = configuredWallets;
    const { jwt, sessionBackend } = config.callers;
    const stated = jwt.flatMap(({ issuer, walletClaim, wallets = [] }) =>
      walletClaim === undefined ? [] : [[sourceKey('jwt', issuer), setOf(wallets)] as const],
    );
    if (sessionBackend) stated.push([sourceKey('session', sessionBackend.url), setOf(sessionBackend.wallets)]);
    this.#authority = new Map(stated);
  }

  /** @param previous of the configuration before a reload; dynamic workloads that stay the same are kept */
  static *build(config: Config, previous?: DynamicWorkloads): Generator<void, DynamicWorkloads> {
    const wallets = new Set<Wallet>();
    for (const { workload } of config.workloads.values()) {
      yield;
      wallets.add(workload.wallet);
    }
    const built = new DynamicWorkloads(config, wallets);
    for (const { workload, statement } of previous === undefined ? [] : [...previous.#made.values()].reverse()) {
      yield;
      try {
        if (built.workloadFor(statement).id !== workload.id) built.#made.delete(keyOf(workload));
      } catch (error) {
        if (!(error instanceof WorkloadUnknown)) throw error;
      }
    }
    return built;
  }

  configured(name: string): Workload | undefined {
    return this.#config.workloads.get(name)?.workload;
  }

  /** @throws WorkloadUnknown where the wallet is malformed, not for this source to state, or a configured workload's own */
  workloadFor(statement: WalletStatement): Workload {
    const { by, source, subject } = statement;
    const wallet = strictWallet(statement.wallet);
    const name = `${by}:${digestOf(source, subject)}`;
    const authority = this.#authority.get(sourceKey(by, source));
    if (authority !== 'any' && !authority?.has(wallet)) {
      throw new WorkloadUnknown(
        'this wallet is not one that may be presented so; list it under wallets, or set any_wallet: true',
      );
    }
    if (this.#configuredWallets.has(wallet)) {
      throw new WorkloadUnknown('that wallet belongs to a configured workload, which has tokens of its own');
    }
    const known = this.#made.get(keyOf({ name, wallet }));
    if (known !== undefined) return known.workload;
    const { walletTag, defaults } = this.#config;
    const { role, sessionDuration, identityToken } = defaults;
    if (role === undefined)
      throw new WorkloadUnknown('no role for it: set role_arn at the top level of the configuration');
    const workload = makeWorkload({
      name,
      wallet,
      role,
      sessionDuration,
      walletTag,
      tags: {},
      identityToken,
      origin: 'dynamic',
    });
    this.#made.set(keyOf(workload), { workload, statement });
    return workload;
  }

  /** Whether the dynamic workload is one of this configuration. */
  has(workload: Workload): boolean {
    return this.#made.peek(keyOf(workload))?.workload.id === workload.id;
  }
}

function keyOf({ name, wallet }: Pick<Workload, 'name' | 'wallet'>): string {
  return `${name} ${wallet}`;
}

function sourceKey(by: WalletStatement['by'], source: string): string {
  return `${by} ${source}`;
}

function setOf(wallets: 'any' | readonly string[]): 'any' | ReadonlySet<string> {
  return wallets === 'any' ? 'any' : new Set(wallets);
}

function digestOf(source: string, subject: string): string {
  return createHash('sha256')
    .update(JSON.stringify([source, subject]))
    .digest('hex')
    .slice(0, 16);
}

function strictWallet(value: unknown): Wallet {
  if (typeof value !== 'string') throw new WorkloadUnknown('what was presented holds no wallet as a string');
  try {
    return parseWallet(value);
  } catch (error) {
    if (!(error instanceof InvalidWallet)) throw error;
    throw new WorkloadUnknown(`the presented wallet is refused: ${error.message}`, { cause: error });
  }
}
