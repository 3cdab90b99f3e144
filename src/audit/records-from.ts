/**
 * The table `mint_log` with all of today's columns, whether an old broker or walletcreds made it.
 *
 * @module
 */
import { UsageError } from '../lib/errors.ts';
import { COLUMNS } from './columns.ts';

/** `mint_log` with nulls for the columns that an old broker's table lacks. */
export function recordsFrom(found: readonly string[], place: string): string {
  if (found.length === 0) throw new UsageError(`${place}: it has no table mint_log, so it is not an audit log`);
  const columns = COLUMNS.map(column => {
    if (found.includes(column)) return `"${column}"`;
    const none = column === 'count' ? '1' : INTEGERS.includes(column) ? 'CAST(NULL AS BIGINT)' : 'CAST(NULL AS TEXT)';
    return `${none} AS "${column}"`;
  });
  return `FROM (SELECT ${columns.join(', ')} FROM mint_log) AS records`;
}

const INTEGERS: readonly string[] = ['credentials_expiration', 'seq'];
