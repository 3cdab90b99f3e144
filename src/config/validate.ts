/**
 * From the document's tree to a draft that holds only valid values.
 *
 * A value that the schema refuses becomes a finding and is taken out, and the rest is validated again. So a typo in one place
 * doesn't hide the findings of checks that look at several places.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { suggestion } from '../lib/nearest.ts';
import { isTreeMap, type Tree } from './document.ts';
import type { Issues, Path } from './issues.ts';
import { KNOWN_KEYS, keyInfo } from './keys.ts';
import { type Draft, schema } from './schema.ts';
import { workload } from './sections/workloads.ts';

/** @returns undefined where not even the outermost map is one; `yield`s where it may pause */
export function* validate(tree: Tree, issues: Issues): Generator<void, Draft | undefined> {
  const entries = isTreeMap(tree) ? tree['workloads'] : undefined;
  if (!isTreeMap(tree) || !isTreeMap(entries)) return yield* valid(schema, tree, [], issues);
  // Thousands of workloads are validated one by one, so that there is a place to pause.
  const { workloads: _entries, ...rest } = tree;
  const draft = yield* valid(schema, rest, [], issues);
  const workloads: NonNullable<Draft['workloads']> = Object.create(null);
  for (const [name, entry] of Object.entries(entries)) {
    const result = yield* valid(workload, entry, ['workloads', name], issues);
    if (result !== undefined) workloads[name] = result;
    yield;
  }
  return draft && { ...draft, workloads };
}

/** @param tree loses what is wrong in it */
function* valid<T>(schema: z.ZodMiniType<T>, tree: Tree, base: Path, issues: Issues): Generator<void, T | undefined> {
  for (;;) {
    const result = schema.safeParse(tree, { reportInput: true });
    if (result.success) {
      requireKeys(schema, tree, base, issues);
      return result.data;
    }
    for (const issue of result.error.issues) {
      const path = issues.written([...base, ...(issue.path as Path)]);
      const place = path.slice(base.length);
      yield;
      if (issue.code === 'unrecognized_keys') {
        const known = issue.message.slice(KNOWN_KEYS.length).split(' ');
        for (const key of issue.keys) {
          yield;
          issues.addAtKey([...path, key], `unknown key; ${suggestion(key, known)}`);
          remove(tree, [...place, key]);
        }
        continue;
      }
      issues.add(path, issue.code === 'invalid_type' ? wrongKind(issue.expected, issue.input) : issue.message);
      if (place.length === 0) return undefined;
      else remove(tree, place);
    }
  }
}

function wrongKind(expected: string, found: unknown): string {
  if (found === null) return 'nothing after the ":"; give it a value, or remove the key';
  const wanted = expected === 'string' ? 'one value' : expected === 'array' ? 'a list (- item)' : 'a map (key: value)';
  const there = Array.isArray(found) ? 'a list' : typeof found === 'object' ? 'a map' : 'a single value';
  return `${there} stands where ${wanted} is expected`;
}

/** Takes one place out of the tree. In a list nothing moves up: the list goes as a whole. */
function remove(tree: Tree | undefined, [key, ...rest]: Path): void {
  if (key === undefined || typeof tree !== 'object' || tree === null) return;
  if (Array.isArray(tree)) {
    remove(tree[Number(key)], rest);
    return;
  }
  const inside = tree[key];
  if (rest.length === 0 || (Array.isArray(inside) && rest.length === 1)) delete tree[key];
  else remove(inside, rest);
}

/** Reports the required keys that are missing in `tree`. */
function requireKeys(schema: z.core.$ZodType, tree: Tree | undefined, path: Path, issues: Issues): void {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'optional' || def.type === 'prefault') requireKeys(def.innerType, tree, path, issues);
  else if (def.type === 'array' && Array.isArray(tree)) {
    for (const [i, item] of tree.entries()) requireKeys(def.element, item, [...path, i], issues);
  } else if (def.type === 'object' && isTreeMap(tree)) {
    for (const [name, type] of Object.entries(def.shape)) {
      const required = keyInfo.get(type as never)?.required;
      const at = [...path, name];
      if (required !== undefined) issues.missing(at, `missing; ${required}`);
      requireKeys(type, tree[name], at, issues);
    }
  }
}
