/**
 * YAML text to its syntax tree, nothing resolved yet.
 *
 * The library builds its tree by recursion, and text that is nested deeply enough ends the process there, past any `catch`.
 * So depth is watched in the step before, which keeps a stack of its own.
 *
 * @module
 */
import { Composer, type CST, isScalar, Lexer, LineCounter, type Node, Parser } from 'yaml';
import type { Place } from './issues.ts';

/** Far more than a configuration needs, far less than the recursion can take. */
const MAX_OPEN = 200;

export type Parsed =
  | { readonly root: Node; readonly placeAt: (offset: number) => Place }
  | { readonly problem: string; readonly place?: Place };

/** @returns the one document that the text holds, or what is wrong with it and where */
export function parseYaml(text: string): Parsed {
  const counter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const tokens: CST.Token[] = [];
  const parser = new Parser(counter.addNewLine);
  counter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_OPEN)
      return { problem: 'not valid YAML: nested too deeply', place: placeAt(parser.offset) };
  }
  for (const token of parser.end()) tokens.push(token);

  const options = { prettyErrors: false, uniqueKeys: false, version: '1.2', schema: 'core' } as const;
  const [document, second] = [...new Composer(options).compose(tokens, true, text.length)];
  const first = document?.errors[0];
  if (first !== undefined) {
    // Only the first: the parser has lost its way there, and what it says further down misleads.
    const [offset] = first.pos;
    return { problem: `not valid YAML: ${first.message}${hintFor(text, offset)}`, place: placeAt(offset) };
  }
  if (second !== undefined) {
    return { problem: 'a second document (---); the file holds one', place: placeAt(second.range[0]) };
  }
  const root = document?.contents ?? null;
  if (root === null || (isScalar(root) && root.value === null)) {
    return { problem: 'the file is empty; `walletcreds init` writes one to start from' };
  }
  return { root: root as Node, placeAt };
}

/** What usually is behind a syntax error on that line. */
function hintFor(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end < 0 ? undefined : end);
  if (/[{[,].*\$\{/.test(line)) return '; inside { } and [ ] a value with ${…} needs quotes';
  if (/\[[^"']*\[?[0-9a-f]*::[0-9a-f:.]*\]/i.test(line)) return '; an IPv6 address needs quotes: ["[::1]:9110"]';
  if (!/:(\s|$)/.test(line) && !/^\s*(-|#|$)/.test(line))
    return '; KEY: value needs a colon and a blank behind the key';
  if (line.includes('\t')) return '; indent with spaces, not with tabs';
  return '';
}
