/**
 * STS and the audit log: what stands behind every answer.
 *
 * @module
 */
import { accessSync, constants } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../lib/files/make-folder.ts';
import { ownerFinding } from '../../lib/files/ownership.ts';
import { InvalidValue } from '../../lib/invalid-value.ts';
import { type Building, checkFolder, secretProblem } from '../building.ts';
import type { Path } from '../issues.ts';
import { regionalSts } from '../names.ts';
import type { Draft } from '../schema.ts';
import type { AuditConfig, StsConfig } from '../types.ts';
import { needsPermission, parseUrl } from '../urls.ts';
import { caFile } from './pem.ts';

/** A call that would leave this machine unencrypted needs a word for it beside its URL. */
export function checkInsecure(building: Building, path: Path, url: string, allowed: boolean | undefined): void {
  if (allowed !== true && needsPermission(url)) {
    building.problems.add(path, 'plain http to another machine; use https, or say allow_insecure_http: true beside it');
  }
}

/**
 * `sts.endpoint`, else `AWS_ENDPOINT_URL_STS`, else the region's. `AWS_ENDPOINT_URL` and the shared AWS configuration are
 * never read: they are another program's, and would carry the identity token to where nobody meant it to go.
 */
export function stsFrom(building: Building, draft: Draft['sts'], region: string): StsConfig {
  const path = ['sts', 'endpoint'];
  const allowInsecureHttp = draft?.allow_insecure_http ?? false;
  const { endpoint, endpointSource } = endpointOf(building, path, draft?.endpoint, region);
  if (/[?]/.test(endpoint)) building.problems.add(path, 'an endpoint has no query');
  checkInsecure(building, path, endpoint, allowInsecureHttp);
  return {
    endpoint,
    endpointSource,
    ...(draft?.ca_file !== undefined && { caFile: caFile(building, ['sts', 'ca_file'], draft.ca_file) }),
    timeoutMs: draft?.timeout ?? 5_000,
    allowInsecureHttp,
  };
}

function endpointOf(building: Building, path: Path, written: string | undefined, region: string) {
  if (written !== undefined) return { endpoint: written, endpointSource: 'sts.endpoint' as const };
  const variable = building.env['AWS_ENDPOINT_URL_STS'];
  // What the file says wins, even where it is wrong: then that is the finding.
  if (variable !== undefined && variable !== '' && !building.problems.isWritten(path)) {
    try {
      return { endpoint: parseUrl(variable), endpointSource: 'AWS_ENDPOINT_URL_STS' as const };
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      building.problems.add(path, `the variable AWS_ENDPOINT_URL_STS: ${error.message}`);
    }
  }
  return { endpoint: regionalSts(region), endpointSource: 'region' as const };
}

/** Default: `file:audit.sqlite` under `state_dir`. */
export function auditFrom(building: Building, draft: Draft['audit']): AuditConfig | undefined {
  const path = ['audit', 'database'];
  const database = draft?.database ?? 'file:audit.sqlite';
  if (database === 'stdout') return { kind: 'stdout' };
  if (/^postgres(ql)?:\/\//.test(database)) {
    if (URL.canParse(database)) return { kind: 'postgres', url: database };
    building.problems.add(path, 'not a URL; it reads postgres://user@host/database (the password by ${file:PATH})');
    return undefined;
  }
  const name = sqlitePath(database);
  if (name === undefined) {
    building.problems.add(path, 'must be file:PATH, postgres://… or stdout');
    return undefined;
  }
  const file = isAbsolute(name) ? name : resolve(building.stateDir, name);
  checkWritable(building, building.problems.isWritten(path) ? path : ['state_dir'], dirname(file), 'the audit log');
  checkDatabase(building, path, file);
  return { kind: 'sqlite', path: file };
}

/** The database and the files that SQLite keeps beside it are this process's own, and so is their folder. */
function checkDatabase(building: Building, path: Path, file: string): void {
  if (dirname(file) !== building.stateDir) checkFolder(building, path, dirname(file));
  for (const each of [file, `${file}-wal`, `${file}-shm`]) {
    const owner = ownerFinding(each);
    if (owner?.refused) secretProblem(building, path, `the database ${each}: ${owner.message}`);
    else if (owner !== undefined) building.problems.warn(path, `the database ${each}: ${owner.message}`);
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

/** A folder that will be written to, made if it isn't there. Whoever only looks, or only asks elsewhere, writes nothing. */
export function checkWritable(building: Building, path: Path, folder: string, what: string): void {
  if (building.purpose !== 'serve' || building.only?.for === 'endpoint') return;
  try {
    makeFolder(folder, 0o711);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EROFS' ? 'it is on a read-only file system' : code === 'EACCES' ? "this process's user may not" : code;
    building.problems.add(
      path,
      `${folder} can't be written (${why}), where ${what} should go; point state_dir to a folder of its own`,
    );
  }
}
