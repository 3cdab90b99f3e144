/**
 * The words of sources: identifiers, comments and texts.
 *
 * @module
 */
import { read } from './repository.ts';
import { nodes, parse, type SyntaxNode } from './syntax.ts';

export interface Words {
  /** `src/x.ts:12`. */
  readonly place: string;
  readonly kind: 'identifier' | 'comment' | 'text';
  /** Of an identifier, its words in lower case: `cacheKey` is `cache key`. */
  readonly text: string;
}

/** What stands for an interpolated value in a text. */
const VALUE = 'X';

/** The text of a string, a template or a sum of these; undefined for any other expression. */
function textOf({ type, value, quasis = [], expressions = [], operator, left, right }: SyntaxNode): string | undefined {
  if (type === 'Literal') return typeof value === 'string' ? value : undefined;
  if (type === 'TemplateLiteral') {
    const values = expressions.map(each => textOf(each) ?? VALUE);
    return quasis.map(({ value: { cooked } }, i) => cooked + (values[i] ?? '')).join('');
  }
  if (operator !== '+' || left === undefined || right === undefined) return undefined;
  const [first, second] = [textOf(left), textOf(right)];
  return first === undefined && second === undefined ? undefined : `${first ?? VALUE}${second ?? VALUE}`;
}

export function wordsOf(file: string): Words[] {
  const source = read(file);
  const found: Words[] = [];
  const add = (start: number, kind: Words['kind'], text: string) =>
    found.push({ place: `${file}:${source.slice(0, start).split('\n').length}`, kind, text });
  let code = source;
  let textEnd = 0;
  for (const node of nodes(parse(file))) {
    const { type, start = 0, end = 0, name } = node;
    if (name !== undefined && (type === 'Identifier' || type === 'PrivateIdentifier'))
      add(start, 'identifier', name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ').toLowerCase());
    const text = textOf(node);
    // The parts of a sum are in its text.
    if (text !== undefined && end > textEnd) {
      add(start, 'text', text);
      textEnd = end;
    }
    // A text may hold what looks like a comment.
    if (type === 'Literal' || type === 'TemplateElement')
      code = code.slice(0, start) + ' '.repeat(end - start) + code.slice(end);
  }
  for (const { index, 0: comment } of code.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*/g))
    add(index, 'comment', source.slice(index, index + comment.length).replaceAll(/\s*\n\s*\*? ?/g, ' '));
  return found;
}

/** The sentences with more words than `most`. A line that is indented, or follows an empty one, begins a sentence. */
export function longSentences(text: string, most: number): string[] {
  return text
    .split(/\n\s*\n|\n(?=\s)/)
    .flatMap(paragraph => paragraph.split(/(?<=[.!?:])\s+/))
    .filter(sentence => sentence.split(/\s+/).filter(word => /\w/.test(word)).length > most);
}
