/**
 * `walletcreds.yaml`, or an object of its shape, to one validated, immutable {@link Config}; all findings at once.
 *
 * @module
 */
import { basename, dirname, resolve } from 'node:path';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { ConfigError } from '../lib/errors.ts';
import { ownerFinding } from '../lib/files/ownership.ts';
import { readText, UnreadableFile } from '../lib/files/read-text.ts';
import { OutOfReach } from '../lib/invalid-value.ts';
import { inSlices } from '../lib/slices.ts';
import { type Reading, type Tree, treeFromObject, treeFromYaml } from './document.ts';
import { interpolate } from './interpolate.ts';
import { Issues } from './issues.ts';
import { type Load, LoadContext, type Purpose } from './load-context.ts';
import { isNeeded, narrowed, type OneWorkload } from './one-workload.ts';
import { resolveConfig } from './resolve.ts';
import type { Draft } from './schema.ts';
import { TokenRegistry } from './secrets/token-registry.ts';
import { egressProxyOf } from './sections/egress-proxy.ts';
import { noteUnread, Sources } from './sources.ts';
import type { Config } from './types.ts';
import { validate } from './validate.ts';

export type { Purpose } from './load-context.ts';

export interface LoadOptions {
  /** For `${env:…}`, `token_env` and `AWS_ENDPOINT_URL_STS`; default the process's. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * `serve` (default) reads every secret, generates the tokens that are missing, and needs to write to `state_dir`. `check`
   * validates as `serve` does and writes nothing. `inspect` writes nothing, and a secret that is missing or unfit is a warning:
   * for commands that don't need it.
   */
  readonly purpose?: Purpose;
  /** For a reload: the files of the configuration that runs. A token file among them that is gone is an error, and not generated again. */
  readonly running?: Sources;
  /** For a command of one workload: what only others need may be unavailable, and is left out of the result. */
  readonly only?: OneWorkload;
}

export interface ObjectOptions extends LoadOptions {
  /** Relative paths start here; default the working directory. */
  readonly baseDir?: string;
  /** As for `walletcreds dev`: signing keys of purpose `dev`, an admin listener that is open on loopback. */
  readonly dev?: boolean;
}

type ReadingFile = Reading & { readonly sources: Sources };
type Parse = (reading: ReadingFile) => Generator<void, Tree | undefined>;

/**
 * Works in slices of about 10 ms, so a process that serves requests may call it: see {@link inSlices}. Only a map in flow
 * style (`{…}`) is parsed at once, however long it is.
 *
 * @param file as the user named it; findings repeat it so
 * @throws ConfigError with every finding: line, column, dotted key, fix
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<Config> {
  const absolute = resolve(file);
  const parse: Parse = reading => treeFromYaml(textOf(file, absolute, reading, options.purpose), reading);
  return inSlices(load(file, absolute, { ...options, baseDir: dirname(absolute) }, parse));
}

/**
 * The same for a JavaScript object of the same shape and keys (`{ region: 'us-east-1', workloads: { … } }`); interpolation
 * included. Findings have a key and no line.
 *
 * @throws ConfigError
 */
export async function configFromObject(object: unknown, options: ObjectOptions = {}): Promise<Config> {
  return inSlices(load('configuration', null, options, reading => treeFromObject(object, reading)));
}

function* load(name: string, file: string | null, options: ObjectOptions, parse: Parse): Generator<void, Config> {
  const { purpose = 'serve', dev = false, only, running = new Sources(), env = process.env } = options;
  const issues = new Issues();
  const sources = new Sources();
  if (file !== null) sources.add(file);
  const baseDir = resolve(options.baseDir ?? '.');
  const interpolated = (text: string) =>
    interpolate(text, { env, file: path => included(resolve(baseDir, path), sources, purpose) });
  const tree = yield* parse({ issues, sources, interpolate: interpolated, needed: path => isNeeded(only, path) });
  const draft = tree === undefined ? undefined : yield* validate(tree, issues);
  const shared = { issues, env, purpose, only, dev, baseDir, sources, running };
  const config = draft && (yield* resolved(shared, draft, file));
  issues.throwIfAny(name, sources);
  // Holds even if a finding that leaves no configuration was only a warning.
  if (config === undefined) throw new ConfigError(name, [{ key: '', message: 'holds no whole configuration' }]);
  return deepFreeze(narrowed({ ...config, name }, only));
}

function resolved(
  shared: Omit<Load, 'stateDir' | 'tokens' | 'folders' | 'keyFolders' | 'proxied'>,
  draft: Draft,
  file: string | null,
) {
  const stateDir = resolve(shared.baseDir, draft.state_dir);
  const own = { stateDir, tokens: new TokenRegistry(), folders: new Map(), keyFolders: new Map() };
  const proxy = egressProxyOf(draft.egress_proxy, shared.env, message => shared.issues.add(['egress_proxy'], message));
  const proxied = proxy === undefined ? {} : { proxy };
  const at = new LoadContext({ ...shared, ...own, proxied, dev: shared.dev || draft.dev });
  // A server would give the sessions of keys that anybody may make.
  if (draft.dev && !shared.dev && shared.purpose === 'serve' && shared.only === undefined) {
    at.at('dev').error('only `walletcreds dev` runs this configuration; write one of your own with `walletcreds init`');
  }
  return resolveConfig(at, draft, file);
}

function textOf(file: string, absolute: string, reading: ReadingFile, purpose: Purpose = 'serve'): string {
  const { issues, sources } = reading;
  const refuse = (message: string) => new ConfigError(file, [{ key: '', message }], sources);
  try {
    const { text, bom, stats } = readText(absolute);
    const owner = ownerFinding(absolute, stats);
    if (owner?.refused && purpose !== 'inspect') throw refuse(owner.message);
    if (owner !== undefined) issues.warn([file], owner.message);
    if (bom) throw refuse('begins with a byte order mark; save it as UTF-8 without one');
    if (text.includes('\0')) throw refuse('holds a NUL; it is not a text file');
    return text;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    noteUnread(sources, absolute, error);
    const fix =
      error.reason === 'missing'
        ? `; \`walletcreds init\` writes one (${basename(file)} is what --config or WALLETCREDS_CONFIG names)`
        : '';
    throw refuse(error.message + fix);
  }
}

/** The text for `${file:PATH}`: a part of the configuration, so its owner is checked in the same way. */
function included(path: string, sources: Sources, purpose: Purpose): string {
  const refuse = (message: string) => new OutOfReach(`the file ${path} for \${file:…}: ${message}`);
  sources.add(path);
  try {
    const { text, stats } = readText(path, 64 * 1024);
    const owner = ownerFinding(path, stats);
    if (owner?.refused && purpose !== 'inspect') throw refuse(owner.message);
    return text;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    noteUnread(sources, path, error);
    throw refuse(error.message);
  }
}
