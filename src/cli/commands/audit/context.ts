/**
 * What the `audit` commands share: the database, the filters, and the form of a time.
 *
 * @module
 */
import type { Command } from 'commander';
import type { AuditDatabase } from '../../../audit/audit-database.ts';
import { VIAS } from '../../../audit/columns.ts';
import { openToRead } from '../../../audit/database.ts';
import type { RecordFilter } from '../../../audit/reader.ts';
import { loadConfig } from '../../../config/load.ts';
import type { AuditConfig } from '../../../config/types.ts';
import { UsageError } from '../../../lib/errors.ts';
import { parseMoment } from '../../../lib/time/moment.ts';
import { InvalidWallet, parseWallet } from '../../../workload/wallet.ts';
import type { Io } from '../../io.ts';

/** The flags of every command. */
export interface AuditFlags {
  readonly config: string;
  readonly json?: boolean;
}

/** What every command works on. */
export interface AuditCommand {
  readonly config: AuditConfig;
  /** One line of output, to stdout. */
  readonly out: (line: string) => void;
  /** One line of advice, to stderr. */
  readonly err: (line: string) => void;
  readonly json?: boolean;
  /** Wall time in ms; default the machine's. */
  readonly now?: number;
  /** Characters in a line; default the terminal's. */
  readonly width?: number;
}

/** The flags that choose records, as typed. */
export interface FilterFlags {
  readonly wallet?: string;
  readonly workload?: string;
  readonly outcome?: string;
  readonly via?: string;
  /** `7d`, or a date. */
  readonly since?: string;
}

export async function auditCommand({ config: file, json = false }: AuditFlags, io: Io): Promise<AuditCommand> {
  const config = await loadConfig(file, { env: io.env, purpose: 'inspect' });
  return { config: config.audit, out: io.out, err: io.warn, json };
}

export function withFilters(command: Command): Command {
  return command
    .option('--wallet <WALLET>', 'only this wallet')
    .option('--workload <NAME>', 'only this workload')
    .option('--outcome <OUTCOME>', 'ok, auth_failed, backend_error, sts_error, discarded or revoked')
    .option('--via <VIA>', VIAS.join(', '))
    .option('--since <WHEN>', 'a duration back from now (7d, 12h) or a date');
}

/** @param options.snapshot as {@link openToRead} takes it */
export async function reading(
  command: AuditCommand,
  use: (db: AuditDatabase) => Promise<number>,
  options?: { readonly snapshot: boolean },
): Promise<number> {
  const db = await openToRead(command.config, options);
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}

export function filterOf({
  wallet,
  workload,
  outcome,
  via,
  since,
  now = Date.now(),
}: FilterFlags & { now?: number }): RecordFilter {
  return {
    ...(wallet !== undefined && { wallet: walletOf(wallet) }),
    ...(workload !== undefined && { workload }),
    ...(outcome !== undefined && { outcome }),
    ...(via !== undefined && { via: viaOf(via) }),
    ...(since !== undefined && { since: parseMoment(since, '--since', now) }),
  };
}

function viaOf(text: string): string {
  if ((VIAS as readonly string[]).includes(text)) return text;
  throw new UsageError(`--via ${text}: write one of ${VIAS.join(', ')}`);
}

function walletOf(text: string): string {
  if (text === 'unknown') return text;
  try {
    return parseWallet(text);
  } catch (error) {
    throw error instanceof InvalidWallet ? new UsageError(`--wallet: ${error.message}`) : error;
  }
}
