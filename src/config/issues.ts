/**
 * Findings, gathered while the configuration is read, so that all of them are said at once and each with its place.
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from '../lib/errors.ts';

/** Keys and list indexes from the root of the configuration down to a value. */
export type Path = readonly (string | number)[];

/** 1-based position in the text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

const idOf = (path: Path): string => path.join('\0');

/** `['workloads', 'a', 'wallet']` → `workloads.a.wallet` */
export function dotted(path: Path): string {
  return path.join('.');
}

/** The findings of one reading, and where everything stood that was written. */
export class Issues {
  readonly #found: ConfigProblem[] = [];
  readonly #warnings: string[] = [];
  readonly #written = new Map<string, { key?: Place | undefined; value?: Place | undefined }>();

  /** Remembers that something was written at `path`, and where (nowhere for a JavaScript object). */
  wrote(path: Path, key?: Place, value?: Place): void {
    this.#written.set(idOf(path), { key, value });
  }

  /** Whether the configuration says anything there, be it wrong: then it isn't missing. */
  isWritten(path: Path): boolean {
    return this.#written.has(idOf(path));
  }

  /** The longest part of `path` that was really written. */
  written(path: Path): Path {
    let part = path;
    while (part.length > 0 && !this.isWritten(part)) part = part.slice(0, -1);
    return part;
  }

  /** A finding about a value; where there is none, at the key that should hold it. */
  add(path: Path, message: string, place: Place | undefined = this.#placeOf(path)): void {
    this.#found.push({ ...place, key: dotted(path), message });
  }

  /** A finding about a key as such. */
  addAtKey(path: Path, message: string): void {
    this.add(path, message, this.#written.get(idOf(path))?.key ?? this.#placeOf(path));
  }

  /** A required key that isn't there. Silent where something was written that has been found wrong already. */
  missing(path: Path, message: string): void {
    if (!this.isWritten(path)) this.add(path, message);
  }

  /** Something that works, but deserves a line in the log. */
  warn(path: Path, message: string): void {
    this.#warnings.push(`${dotted(path)}: ${message}`);
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** @throws ConfigError with every finding, in the order of the text */
  throwIfAny(file: string, sources?: Map<string, string>): void {
    if (!this.any) return;
    const order = (p: ConfigProblem) => (p.line ?? 0) * 100_000 + (p.column ?? 0);
    throw new ConfigError(
      file,
      [...this.#found].sort((a, b) => order(a) - order(b)),
      sources,
    );
  }

  /** Where something is written, as a finding would say it; for what is found out once the configuration is whole. */
  located(path: Path): Omit<ConfigProblem, 'message'> {
    return { ...this.#placeOf(path), key: dotted(path) };
  }

  #placeOf(path: Path): Place | undefined {
    const exact = this.#written.get(idOf(path));
    if (exact !== undefined) return exact.value ?? exact.key;
    const parent = this.#written.get(idOf(this.written(path)));
    return parent?.key ?? parent?.value;
  }
}
