/**
 * YAML text to its syntax tree; scalars are not interpreted yet.
 *
 * The library builds the tree by recursion. Deeply nested text would end the process there, in spite of `catch`. The
 * step before has a stack of its own, and limits the depth. The recursion can't be interrupted either, so long block
 * maps are composed a few entries at a time.
 *
 * @module
 */
import { Composer, type CST, isMap, isScalar, Lexer, LineCounter, type Node, Parser } from 'yaml';
import type { Place } from './issues.ts';

/** Characters of a line that a hint is looked for in. */
const MAX_LINE = 4_096;
/** Far more than a configuration needs, far less than the recursion can take. */
const MAX_OPEN = 200;
/** Entries of a block map that are composed at once: one or two milliseconds. */
const ENTRIES = 100;
/** Tokens between two places to pause. */
const TOKENS = 500;

export type Parsed =
  | { readonly root: Node; readonly placeAt: (offset: number) => Place }
  | { readonly problem: string; readonly place?: Place };

/** Where the text is no YAML. */
class SyntaxFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** @returns the one document that the text holds, or what is wrong with it and where; `yield`s where it may pause */
export function* parseYaml(text: string): Generator<void, Parsed> {
  const counter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const tokens: CST.Token[] = [];
  const parser = new Parser(counter.addNewLine);
  counter.addNewLine(0);
  let read = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_OPEN)
      return { problem: 'not valid YAML: nested too deeply', place: placeAt(parser.offset) };
    if (++read % TOKENS === 0) yield;
  }
  for (const token of parser.end()) tokens.push(token);

  const second = tokens.filter(token => token.type === 'document')[1];
  try {
    const root = yield* compose(tokens, text.length);
    if (second !== undefined)
      return { problem: 'a second document (---); the file holds one', place: placeAt(second.offset) };
    if (root === null || (isScalar(root) && root.value === null)) {
      return { problem: 'the file is empty; `walletcreds init` writes one to start from' };
    }
    return { root, placeAt };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    const { message, offset } = error;
    return { problem: `not valid YAML: ${message}${hintFor(text, offset)}`, place: placeAt(offset) };
  }
}

/** The first document of `tokens`. Only its first fault is reported, since later ones follow from it. */
function* compose(tokens: readonly CST.Token[], end: number): Generator<void, Node | null> {
  const at = tokens.findIndex(token => token.type === 'document');
  const document = tokens[at];
  if (document?.type === 'document' && document.value?.type === 'block-map') {
    const before = tokens.slice(0, at);
    const root = yield* composeMap(document.value, map => composeAtOnce([...before, { ...document, value: map }], end));
    // The parser ends the document at a stray bracket. All that follows, the next keys too, is behind it as errors.
    const stray = tokens.slice(at + 1).find(token => token.type === 'error');
    if (stray?.type === 'error') throw new SyntaxFault(stray.message, stray.offset);
    return root;
  }
  return composeAtOnce(tokens, end);
}

/** Composes the entries of a map in parts; one that holds a long map itself is composed without it first. */
function* composeMap(map: CST.BlockMap, atOnce: (part: CST.BlockMap) => Node | null): Generator<void, Node | null> {
  let whole: Node | null = null;
  const add = (part: Node | null) => {
    if (isMap(whole) && isMap(part)) whole.items.push(...part.items);
    else whole ??= part;
    return part;
  };
  let pending: CST.BlockMap['items'] = [];
  for (const item of map.items) {
    const inner = item.value;
    const isLong = inner?.type === 'block-map' && inner.items.length > ENTRIES && !hasProperties(item.sep);
    if (!isLong) pending.push(item);
    if (pending.length > 0 && (isLong || pending.length >= ENTRIES)) {
      add(atOnce(partOf(map, pending)));
      pending = [];
      yield;
    }
    if (!isLong) continue;
    const { value: _long, ...key } = item;
    const part = add(atOnce(partOf(map, [key])));
    const [pair] = isMap(part) ? part.items : [];
    if (pair) pair.value = yield* composeMap(inner, atOnce);
  }
  if (pending.length > 0 || whole === null) add(atOnce(partOf(map, pending)));
  return whole;
}

/** The library measures the length of a map's first key from where the map begins. */
function partOf(map: CST.BlockMap, items: CST.BlockMap['items']): CST.BlockMap {
  const [first] = items;
  return { ...map, offset: first?.start[0]?.offset ?? first?.key?.offset ?? map.offset, items };
}

/** An anchor or a tag in front of a value belongs to the value, which must be composed with it. */
function hasProperties(separator: readonly CST.SourceToken[] | undefined): boolean {
  return separator?.some(({ type }) => type === 'anchor' || type === 'tag') ?? false;
}

function composeAtOnce(tokens: Iterable<CST.Token>, end: number): Node | null {
  const options = { prettyErrors: false, uniqueKeys: false, version: '1.2', schema: 'core' } as const;
  const [document] = [...new Composer(options).compose(tokens, true, end)];
  const [fault] = document?.errors ?? [];
  if (fault !== undefined) throw new SyntaxFault(fault.message, fault.pos[0]);
  return (document?.contents ?? null) as Node | null;
}
/** The usual cause of a syntax error on that line. */
function hintFor(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end < 0 ? undefined : end).slice(0, MAX_LINE);
  if (/[{[,]/.test(line.slice(0, Math.max(0, line.lastIndexOf('${')))))
    return '; inside { } and [ ] a value with ${…} needs quotes';
  const list = line.indexOf('[');
  if (list >= 0 && line.includes('::', list) && !/["']/.test(line.slice(list)))
    return '; an IPv6 address needs quotes: ["[::1]:9110"]';
  if (!/:(\s|$)/.test(line) && !/^\s*(-|#|$)/.test(line))
    return '; KEY: value needs a colon and a blank behind the key';
  if (line.includes('\t')) return '; indent with spaces, not with tabs';
  return '';
}
