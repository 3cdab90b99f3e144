/**
 * A configuration as a bare tree: maps, lists and the text of scalars, with the place of each.
 *
 * Scalars stay text until the schema gives them a type. A wallet without quotes therefore keeps all of its digits, and
 * a value from a variable is read like a typed one.
 *
 * @module
 */
import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { InvalidValue, OutOfReach } from '../lib/invalid-value.ts';
import type { Issues, Path, Place } from './issues.ts';
import { parseYaml } from './yaml.ts';

/** `null` is a key without a value. */
export type Tree = string | null | Tree[] | { [key: string]: Tree };

export function isTreeMap(tree: Tree | undefined): tree is { [key: string]: Tree } {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}

const MAX_DEPTH = 32;

/** How a text is read. */
export interface Reading {
  readonly issues: Issues;
  /** @throws InvalidValue */
  readonly interpolate: (text: string) => string;
  /** Whether what stands there has to be within reach; what needn't be and isn't is left out. */
  readonly needed: (path: Path) => boolean;
}

const emptyMap = (): { [key: string]: Tree } => Object.create(null);

/** @returns undefined where nothing can be made of it; the reason is among the issues. `yield`s where it may pause */
export function* treeFromYaml(text: string, reading: Reading): Generator<void, Tree | undefined> {
  const { issues } = reading;
  const parsed = yield* parseYaml(text);
  if ('problem' in parsed) {
    issues.add([], parsed.problem, parsed.place);
    return undefined;
  }
  const { root, placeAt } = parsed;
  return yield* treeOf(root, [], undefined);

  function* treeOf(node: Node | null, path: Path, keyPlace: Place | undefined): Generator<void, Tree | undefined> {
    yield;
    const place = node?.range ? placeAt(node.range[0]) : keyPlace;
    issues.wrote(path, keyPlace, place);
    if (node === null) return null;
    const refuse = (message: string) => {
      issues.add(path, message, place);
      return undefined;
    };
    if (isAlias(node)) return refuse('an alias (*name); anchors and aliases are not supported, write the value out');
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      return refuse('an anchor (&name); anchors and aliases are not supported, write the value out');
    }
    if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:str')
      return refuse('a tag (!name); write the value without it');
    if (path.length > MAX_DEPTH) return refuse('nested too deeply');
    if (isSeq(node)) {
      const items: (Tree | undefined)[] = [];
      for (const item of node.items) items.push(yield* treeOf(item as Node | null, [...path, items.length], undefined));
      return listOf(items);
    }
    if (isMap(node)) {
      const map = emptyMap();
      for (const { key, value } of node.items) {
        const name = nameOf(key as Node, path);
        if (name === undefined) continue;
        const at = [...path, name];
        const keyAt = (key as Node).range ? placeAt((key as Node).range?.[0] ?? 0) : undefined;
        if (issues.isWritten(at)) {
          issues.add(at, 'written twice; keep one of them', keyAt);
          continue;
        }
        const child = yield* treeOf(value as Node | null, at, keyAt);
        if (child !== undefined) map[name] = child;
      }
      return map;
    }
    if (!isScalar(node)) return refuse('neither a map, a list nor a value');
    if (node.value === null && node.type === 'PLAIN') return null;
    return interpolated(node.type === 'PLAIN' ? (node.source ?? '') : String(node.value), path, reading);
  }

  function nameOf(key: Node, path: Path): string | undefined {
    const place = key?.range ? placeAt(key.range[0]) : undefined;
    const bare = isScalar(key) && key.anchor === undefined ? String(key.source ?? key.value ?? '') : undefined;
    const text = isScalar(key) && key.type !== 'PLAIN' && bare !== undefined ? String(key.value) : bare;
    if (text === undefined || text === '' || text === '__proto__') {
      const fix = isScalar(key) ? '' : '; where it is an address, quote it: "[::1]:9110"';
      issues.add(path, `a key that is no plain text${fix}`, place);
      return undefined;
    }
    if (text === '<<') {
      issues.add(path, 'a merge key (<<); anchors and merging are not supported, write the keys out', place);
      return undefined;
    }
    try {
      const name = reading.interpolate(text);
      // A variable may hold what can't be written out either.
      if (name !== '' && name !== '__proto__') return name;
      issues.add(path, 'a key that is no plain text', place);
    } catch (error) {
      refuseValue(error, [...path, text], reading, place);
    }
    return undefined;
  }
}

/** The same from a JavaScript object of the same shape; there are no places then. */
export function* treeFromObject(value: unknown, reading: Reading, path: Path = []): Generator<void, Tree | undefined> {
  yield;
  const { issues } = reading;
  issues.wrote(path);
  const refuse = (message: string) => {
    issues.add(path, message);
    return undefined;
  };
  if (path.length > MAX_DEPTH) return refuse('nested too deeply');
  if (value === null) return null;
  if (typeof value === 'string') return interpolated(value, path, reading);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? String(value) : refuse('a number that loses digits here; give it as a string');
  }
  if (Array.isArray(value)) {
    const items: (Tree | undefined)[] = [];
    for (const item of value) items.push(yield* treeFromObject(item, reading, [...path, items.length]));
    return listOf(items);
  }
  const prototype = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (typeof value !== 'object' || (prototype !== null && prototype !== Object.prototype)) {
    return refuse('neither a plain object, an array, a string, a number nor a boolean');
  }
  const map = emptyMap();
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    if (name === '__proto__' || name === '') issues.add(path, 'a key that is no plain text');
    else {
      const child = yield* treeFromObject(item, reading, [...path, name]);
      if (child !== undefined) map[name] = child;
    }
  }
  return map;
}

/** A list with an item that is already found wrong is left out whole: its other items would move up to wrong places. */
function listOf(items: readonly (Tree | undefined)[]): Tree[] | undefined {
  return items.every(item => item !== undefined) ? (items as Tree[]) : undefined;
}

function interpolated(text: string, path: Path, reading: Reading): string | undefined {
  try {
    return reading.interpolate(text);
  } catch (error) {
    refuseValue(error, path, reading);
    return undefined;
  }
}

function refuseValue(error: unknown, path: Path, { issues, needed }: Reading, place?: Place): void {
  if (!(error instanceof InvalidValue)) throw error;
  if (error instanceof OutOfReach && !needed(path)) issues.warn(path, error.message);
  else issues.add(path, error.message, place);
}
