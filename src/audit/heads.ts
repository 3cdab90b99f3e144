/**
 * Heads as an auditor keeps them: read back from a log, or from what `audit heads` printed.
 *
 * @module
 */
import type { Head } from './chain.ts';

/** A head as text, one line; {@link parseHeads} reads it back. */
export function headText({ writer, seq, hash }: Head, at: string): string {
  return `${writer} ${seq} ${hash} ${at}`;
}

/**
 * The heads in a text, one a line: JSON with `writer`, `seq` and `hash` (a line of the log, or `audit heads --json`), or
 * the three in plain text. Other lines are passed over, so a whole log can be given.
 */
export function parseHeads(text: string): Head[] {
  const heads: Head[] = [];
  for (const line of text.split('\n')) {
    const head = fromJson(line) ?? fromText(line);
    if (head !== undefined) heads.push(head);
  }
  return heads;
}

function fromJson(line: string): Head | undefined {
  const start = line.indexOf('{');
  if (start < 0) return undefined;
  try {
    const { writer, seq, hash } = JSON.parse(line.slice(start)) as Partial<Record<keyof Head, unknown>>;
    if (typeof writer !== 'string' || typeof seq !== 'number' || typeof hash !== 'string') return undefined;
    if (!Number.isSafeInteger(seq) || seq < 1 || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
    return { writer, seq, hash };
  } catch {
    return undefined;
  }
}

function fromText(line: string): Head | undefined {
  const words = line.split(/\s/).filter(word => word !== '');
  for (const [i, writer] of words.entries()) {
    const [, seq = '', hash = ''] = words.slice(i, i + 3);
    const isHead = /^([0-9a-f]{16}|sealed)$/.test(writer) && /^\d{1,15}$/.test(seq) && /^[0-9a-f]{64}$/.test(hash);
    if (isHead) return { writer, seq: Number(seq), hash };
  }
  return undefined;
}
