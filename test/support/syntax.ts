/**
 * The syntax trees of sources.
 *
 * @module
 */
import { parseAst } from 'vite';
import { read } from './repository.ts';

/** What the tests read of an ESTree node. */
export interface SyntaxNode {
  readonly type?: string;
  readonly start?: number;
  readonly end?: number;
  readonly name?: string;
  readonly value?: unknown;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  readonly callee?: SyntaxNode;
  readonly operator?: string;
  readonly left?: SyntaxNode;
  readonly right?: SyntaxNode;
  readonly quasis?: readonly { readonly value: { readonly cooked: string } }[];
  readonly expressions?: readonly SyntaxNode[];
}

/** A tree's nodes, parents before children. Lists count as nodes without a type. */
export function* nodes(tree: unknown): Generator<SyntaxNode> {
  if (typeof tree !== 'object' || tree === null) return;
  yield tree as SyntaxNode;
  for (const child of Object.values(tree)) yield* nodes(child);
}

/** @param file of TypeScript, relative to the repository */
export function parse(file: string): SyntaxNode {
  return parseAst(read(file), { lang: 'ts' }) as SyntaxNode;
}
