/**
 * `walletcreds audit verify`: checks the hash chains.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Head } from '../../../audit/chain.ts';
import type { Finding } from '../../../audit/findings.ts';
import { parseHeads } from '../../../audit/heads.ts';
import { type VerifyReport, verifyAuditLog } from '../../../audit/verify.ts';
import { UsageError } from '../../../lib/errors.ts';
import { inert, inertJson } from '../../../lib/text/inert.ts';
import { isoSeconds } from '../../../lib/time/iso.ts';
import { codeUrl } from '../../../package.ts';
import type { Io, Run } from '../../io.ts';
import { withExamples } from '../../options.ts';
import { type AuditCommand, type AuditFlags, auditCommand, reading } from './context.ts';

export function configure(command: Command, io: Io, run: Run): void {
  withExamples(command, 'architecture.md', 'walletcreds audit verify --heads heads.txt')
    .description(
      'Finds an edited, a removed and a reordered record; with heads a cut end too. Exit status 1 if there is one.',
    )
    .option('--heads <FILE>', 'heads as `audit heads` prints them or the log has them')
    .action(
      run(async ({ heads, ...flags }: AuditFlags & { heads?: string }) =>
        auditVerify({ ...(await auditCommand(flags, io)), ...(heads === undefined ? {} : { heads }) }),
      ),
    );
}

/** Checks the chains, against heads from a file if one is given. */
export async function auditVerify(command: AuditCommand & { heads?: string }): Promise<number> {
  const { out, json } = command;
  const heads = command.heads === undefined ? undefined : headsFrom(command.heads);
  return reading(command, async db => {
    const report = await verifyAuditLog(db, heads);
    if (json) out(inertJson(report, 2));
    else for (const line of reportLines(report)) out(inert(line));
    return report.intact ? 0 : 1;
  });
}

function headsFrom(file: string): Head[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--heads ${file}: ${(error as NodeJS.ErrnoException).code ?? 'it cannot be read'}`);
  }
  const heads = parseHeads(text);
  if (heads.length === 0)
    throw new UsageError(`--heads ${file}: no head in it; give the log, or what walletcreds audit heads printed`);
  return heads;
}

function reportLines(report: VerifyReport): string[] {
  const { findings, records, writers, sealedRecords, pruned, heads } = report;
  const lines = findings.map(findingLine);
  // Many findings share a fix: it is printed once.
  const fixes = new Map(findings.map(({ code, fix }) => [`${code}: ${fix}`, code]));
  for (const [text, code] of fixes) lines.push(`Fix of ${text} See ${codeUrl(code)}`);
  for (const { writer, last_seq, at } of pruned)
    lines.push(`pruned: writer ${writer} up to number ${last_seq}, on ${isoSeconds(at * 1000)}`);
  if (sealedRecords > 0) lines.push(`${sealedRecords} records of an old broker, sealed when the database was migrated`);
  lines.push(`${records} records in ${writers} chains: ${report.intact ? 'intact' : `${findings.length} findings`}`);
  lines.push(
    report.truncation === 'not-excluded'
      ? 'Without heads kept elsewhere (--heads FILE), the end of a chain or a whole chain could have been cut off or rewritten.'
      : `${heads} heads were compared. Records after the last head of a chain could have been cut off.`,
  );
  return lines;
}

function findingLine({ code, id, writer, seq, message }: Finding): string {
  const place = [
    id !== null && `record id ${id}`,
    writer !== null && `writer ${writer}`,
    seq !== null && `number ${seq}`,
  ]
    .filter(Boolean)
    .join(', ');
  return `${place === '' ? '' : `${place}: `}${message} [${code}]`;
}
