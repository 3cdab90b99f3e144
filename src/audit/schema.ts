/**
 * What the schemas of both databases have in common.
 *
 * @module
 */
import type { Head } from './chain.ts';

/** The version that this program reads and writes; it stands in the table `mint_log_schema`. */
export const SCHEMA_VERSION = 1;

/** Raised for a database that can't be used as an audit log: not worth another try. */
export class UnusableDatabase extends Error {
  readonly code = 'UNUSABLE';
}

/** The detail of a record `sealed`: the end of the chain of the old broker's records. */
export function sealDetail({ writer, seq, hash }: Head): string {
  return JSON.stringify({ writer, last_seq: seq, last_hash: hash });
}
