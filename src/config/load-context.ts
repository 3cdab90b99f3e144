/**
 * The state of one loading of a configuration, seen from one place in it: what is written there, which findings it has, and
 * which files it names.
 *
 * @module
 */
import { resolve } from 'node:path';
import type { EgressProxy } from '../lib/egress-proxy.ts';
import type { ConfigProblem } from '../lib/errors.ts';
import { type FolderFindings, folderFindings, type OwnershipFinding } from '../lib/files/ownership.ts';
import { readText, UnreadableFile } from '../lib/files/read-text.ts';
import { dotted, type Issues, type Path } from './issues.ts';
import { isNeeded, type OneWorkload } from './one-workload.ts';
import { openSecret, readSecretFile, type Secret, SecretFileError, type SecretOptions } from './secrets/secret-file.ts';
import type { TokenRegistry } from './secrets/token-registry.ts';
import { noteUnread, type Sources } from './sources.ts';

/**
 * `serve`: secrets are read, and generated where missing. `check`: validates as `serve` does, and writes nothing. `inspect`: writes
 * nothing, and an unreadable secret is a warning.
 */
export type Purpose = 'serve' | 'check' | 'inspect';

/** What all places share. */
export interface Load {
  readonly issues: Issues;
  readonly env: NodeJS.ProcessEnv;
  readonly purpose: Purpose;
  /** The one workload that the command is for; undefined: everything is needed. */
  readonly only: OneWorkload | undefined;
  /** For `walletcreds dev`: keys of purpose `dev`, an open admin listener on loopback. */
  readonly dev: boolean;
  /** Absolute; paths that are read are relative to it. */
  readonly baseDir: string;
  /** Absolute; paths that are written are relative to it. */
  readonly stateDir: string;
  readonly sources: Sources;
  /** At a reload those of the running configuration. */
  readonly running: Sources;
  readonly tokens: TokenRegistry;
  /** Findings about the folders of secrets, so that each is reported once. */
  readonly folders: FolderFindings;
  /** Folders of signing keys and where each is named; they are read later. */
  readonly keyFolders: Map<string, Omit<ConfigProblem, 'message'>>;
  /** `proxy` for every section that calls out; empty without an egress proxy. */
  readonly proxied: { readonly proxy?: EgressProxy };
}

export class LoadContext {
  readonly load: Load;
  readonly path: Path;

  constructor(load: Load, path: Path = []) {
    this.load = load;
    this.path = path;
  }

  /** The same loading at a place further in. */
  at(...keys: Path): LoadContext {
    return new LoadContext(this.load, [...this.path, ...keys]);
  }

  /** The same place for a command that writes nothing and needs no secret. */
  inspecting(): LoadContext {
    return new LoadContext({ ...this.load, purpose: 'inspect' }, this.path);
  }

  /** The path as messages have it: `workloads.a.wallet`. */
  get name(): string {
    return dotted(this.path);
  }

  /** The place itself, or the nearest one around it where something is written. */
  get nearestWritten(): LoadContext {
    return new LoadContext(this.load, this.load.issues.written(this.path));
  }

  /** Whether the configuration says anything here, even if it is wrong. */
  get isWritten(): boolean {
    return this.load.issues.isWritten(this.path);
  }

  /** Whether the command needs what stands here: see {@link isNeeded}. */
  get isNeeded(): boolean {
    return isNeeded(this.load.only, this.path);
  }

  /** Where that is in the text, for a finding that comes up once the configuration is resolved. */
  get located(): Omit<ConfigProblem, 'message'> {
    return this.load.issues.located(this.path);
  }

  error(message: string): void {
    this.load.issues.add(this.path, message);
  }

  /** A finding about the key as such, not its value. */
  keyError(message: string): void {
    this.load.issues.addAtKey(this.path, message);
  }

  /** A finding where nothing is written. */
  missing(message: string): void {
    this.load.issues.missing(this.path, message);
  }

  /** It works, but deserves a line in the log. */
  warn(message: string): void {
    this.load.issues.warn(this.path, message);
  }

  /** A finding about a file that is named here: an error, or a warning where only others need it. */
  fileError(message: string): void {
    if (this.isNeeded) this.error(message);
    else this.warn(message);
  }

  /** A finding about a secret: an error for `serve`, a warning for a command that doesn't need it. */
  secretError(message: string): void {
    if (this.load.purpose !== 'inspect') this.fileError(message);
    else this.warn(message);
  }

  /** Absolute, for a path that is read. */
  resolve(name: string): string {
    return resolve(this.load.baseDir, name);
  }

  /** The same, and a reload when the file changes. */
  source(name: string): string {
    const file = this.resolve(name);
    this.load.sources.add(file);
    return file;
  }

  /** Text of a file that is no secret. @returns undefined with a finding */
  readText(file: string, what: string): string | undefined {
    try {
      return readText(file).text;
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      noteUnread(this.load.sources, file, error);
      this.fileError(`${what} ${file}: ${error.message}`);
      return undefined;
    }
  }

  /** @param options `exact` keeps a newline at the end. @returns undefined with a finding */
  readSecret(file: string, what: string, options: SecretOptions & { exact?: boolean } = {}): Secret | undefined {
    const read = options.exact ? openSecret : readSecretFile;
    return this.#secret(
      file,
      () => read(file, what, { ...options, folders: this.load.folders }),
      error => this.secretError(error.message),
    );
  }

  /** A secret that is read again at each use: unfit now is an error, missing a warning, since it may be projected later. */
  probeSecret(file: string, what: string): Secret | undefined {
    return this.#secret(
      file,
      () => readSecretFile(file, what, { folders: this.load.folders }),
      error => {
        if (error.reason === 'missing') this.warn(`${error.message} (yet); it is read again at each use`);
        else this.secretError(error.message);
      },
    );
  }

  /** A folder with files that this process trusts: a finding where somebody else can put files there. */
  checkFolder(folder: string): void {
    for (const finding of folderFindings(folder)) this.ownershipFinding(`the folder ${folder}`, finding);
  }

  /** A finding about the owner or mode of a file or a folder. */
  ownershipFinding(what: string, { refused, message }: OwnershipFinding): void {
    if (refused) this.secretError(`${what}: ${message}`);
    else this.warn(`${what}: ${message}`);
  }

  #secret(file: string, read: () => Secret, report: (error: SecretFileError) => void): Secret | undefined {
    try {
      const secret = read();
      for (const warning of secret.warnings) this.warn(warning);
      return secret;
    } catch (error) {
      if (!(error instanceof SecretFileError)) throw error;
      noteUnread(this.load.sources, file, error);
      report(error);
      return undefined;
    }
  }
}
