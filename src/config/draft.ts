/**
 * From the tree to a draft that has only what is right in it.
 *
 * What the schema refuses becomes a finding and is cut out, and the rest is judged again: so that a typo in one place doesn't
 * keep the checks that look at several places from saying what they see.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { suggestion } from '../lib/nearest.ts';
import type { Path, Problems } from './issues.ts';
import { type Draft, KNOWN_KEYS, schema } from './schema.ts';
import type { Tree } from './tree.ts';

/** @returns undefined where not even the outermost map is one */
export function draftFrom(tree: Tree, problems: Problems): Draft | undefined {
  let current = tree;
  for (;;) {
    const result = schema.safeParse(current, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const path = problems.written(issue.path as Path);
      report(issue, path, problems);
      if (issue.code === 'unrecognized_keys') for (const key of issue.keys) current = without(current, [...path, key]);
      else if (path.length === 0) return undefined;
      else current = without(current, path);
    }
  }
}

function report(issue: z.core.$ZodIssue, path: Path, problems: Problems): void {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.slice(KNOWN_KEYS.length).split(' ');
    for (const key of issue.keys) problems.addAtKey([...path, key], `unknown key; ${suggestion(key, known)}`);
  } else if (issue.code === 'invalid_type') {
    problems.add(path, wrongKind(issue.expected, issue.input));
  } else {
    problems.add(path, issue.message);
  }
}

function wrongKind(expected: string, found: unknown): string {
  if (found === null) return 'nothing after the ":"; give it a value, or remove the key';
  const wanted = expected === 'string' ? 'one value' : expected === 'array' ? 'a list (- item)' : 'a map (key: value)';
  const there = Array.isArray(found) ? 'a list' : typeof found === 'object' ? 'a map' : 'a single value';
  return `${there} stands where ${wanted} is expected`;
}

/** A copy without one place. In a list nothing moves up: the list goes as a whole. */
function without(tree: Tree, path: Path): Tree {
  const [key, ...rest] = path;
  if (key === undefined || tree === null || typeof tree === 'string') return tree;
  if (Array.isArray(tree)) return tree.map((item, i) => (i === key ? without(item, rest) : item));
  const inside = tree[key];
  if (inside === undefined) return tree;
  const copy: { [key: string]: Tree } = Object.assign(Object.create(null), tree);
  if (rest.length === 0 || (Array.isArray(inside) && rest.length === 1)) delete copy[key];
  else copy[key] = without(inside, rest);
  return copy;
}
