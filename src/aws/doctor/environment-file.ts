/**
 * Files that give an application its environment: for docker, for a shell, for systemd, or of compose.
 *
 * They differ in quotes: docker keeps them as a part of the value, the others take them off.
 *
 * @module
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

export interface Variable {
  readonly value: string;
  readonly line: number;
  /** The quotes are a part of the value. */
  readonly isQuoted?: boolean;
}

/** The last one of a name counts. */
export type Variables = ReadonlyMap<string, Variable>;

/** One environment: the file's only one, or that of a service. */
export interface Environment {
  /** @example 'app.env', 'compose.yaml service scraper' */
  readonly name: string;
  readonly variables: Variables;
}

/** @returns what can't be read as text; the environments of all services that set a variable of AWS */
export function environmentsIn(text: string, path: string): readonly Environment[] {
  const plain = text.replace(/^\uFEFF/, '');
  if (!/\.ya?ml$/i.test(path) && !/^services:/m.test(plain)) return [{ name: path, variables: parseEnvFile(plain) }];
  const services = composeServices(plain, path);
  const ours = services.filter(({ variables }) => [...variables.keys()].some(key => key.startsWith('AWS_')));
  return ours.length > 0 ? ours : [{ name: path, variables: new Map() }];
}

/** `KEY=value` lines. A line with `export` makes it a shell's file, `Environment=` or a section one of systemd. */
export function parseEnvFile(text: string): Map<string, Variable> {
  const takesQuotesOff = /^\s*(export\s|set -a|Environment=|\[)/m.test(text);
  const out = new Map<string, Variable>();
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw
      .trimStart()
      .replace(/^(?:export\s|Environment=)/, '')
      .trimStart();
    const at = line.indexOf('=');
    const key = line.slice(0, Math.max(0, at)).replace(/^"/, '');
    if (!/^[A-Za-z_]\w*$/.test(key)) return;
    const written = line.slice(at + 1).trim();
    const bare = written.replace(/^(["'])(.*)\1$/, '$2');
    const isQuoted = bare !== written && !takesQuotesOff;
    out.set(key, { value: takesQuotesOff ? bare : written, line: i + 1, ...(isQuoted ? { isQuoted } : {}) });
  });
  return out;
}

/** `environment` of each service, as a map or as a list of `KEY=value`. */
function composeServices(text: string, path: string): Environment[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  const services = document.get('services', true);
  if (!isMap(services)) return [];
  return services.items.flatMap(({ key, value }) => {
    const environment = isMap(value) ? value.get('environment', true) : undefined;
    const lineOf = (node: unknown) => lines.linePos((isScalar(node) ? node.range?.[0] : undefined) ?? 0).line;
    const variables = new Map<string, Variable>();
    const add = (name: unknown, given: string, line: number) => variables.set(String(name), { value: given, line });
    if (isMap(environment)) {
      for (const pair of environment.items) {
        const given = isScalar(pair.value) ? pair.value.value : undefined;
        add(isScalar(pair.key) ? pair.key.value : pair.key, String(given ?? ''), lineOf(pair.key));
      }
    } else if (isSeq(environment)) {
      for (const item of environment.items) {
        const [, name, given] = /^([^=]+)=(.*)$/s.exec(isScalar(item) ? String(item.value) : '') ?? [];
        if (name !== undefined) add(name, given ?? '', lineOf(item));
      }
    }
    return [{ name: `${path} service ${isScalar(key) ? key.value : key}`, variables }];
  });
}
