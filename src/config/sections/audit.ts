/**
 * The section `audit`: where the audit log is.
 *
 * @module
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod/mini';
import { ownerFinding } from '../../lib/files/ownership.ts';
import { key, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import * as s from '../scalars.ts';
import type { AuditConfig } from '../types.ts';
import { checkWritable } from '../writable.ts';

export const audit = section({
  database: key(s.text, {
    doc: '`file:PATH` (SQLite, relative to `state_dir`), `postgres://…` for several replicas, or `stdout`, a log line for each record.',
    default: 'file:audit.sqlite',
  }),
});

export function resolveAudit(at: LoadContext, { database }: z.output<typeof audit>): AuditConfig | undefined {
  const place = at.at('audit', 'database');
  if (database === 'stdout') return { kind: 'stdout' };
  if (/^postgres(ql)?:\/\//.test(database)) {
    if (URL.canParse(database)) return { kind: 'postgres', url: database };
    place.error('not a URL; it reads postgres://user@host/database (the password by ${file:PATH})');
    return undefined;
  }
  const name = sqlitePath(database);
  if (name === undefined) {
    place.error('must be file:PATH, postgres://… or stdout');
    return undefined;
  }
  const file = isAbsolute(name) ? name : resolve(at.load.stateDir, name);
  checkWritable(place.isWritten ? place : at.at('state_dir'), dirname(file), 'the audit log');
  checkDatabase(place, file);
  return { kind: 'sqlite', path: file };
}

/** The database, the files that SQLite keeps beside it, and their folder belong to this process alone. */
function checkDatabase(at: LoadContext, file: string): void {
  if (dirname(file) !== at.load.stateDir) at.checkFolder(dirname(file));
  for (const each of [file, `${file}-wal`, `${file}-shm`]) {
    const owner = ownerFinding(each);
    if (owner !== undefined) at.ownershipFinding(`the database ${each}`, owner);
  }
}

function sqlitePath(database: string): string | undefined {
  if (!database.startsWith('file:') || /[?#\0]/.test(database)) return undefined;
  if (database.startsWith('file://')) {
    try {
      return fileURLToPath(database);
    } catch {
      return undefined;
    }
  }
  const name = database.slice('file:'.length);
  return name === '' || name.endsWith('/') || name === ':memory:' ? undefined : name;
}
