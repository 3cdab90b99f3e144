/**
 * The answers that the rows expect, by short names.
 *
 * @module
 */
import type { Answer } from '../sts-table.ts';

export const ok: Answer = { status: 200 };

/** 400, STS's status for nearly everything. */
export const bad = (code: string): Answer => ({ status: 400, code });

/** 403: the account says no. */
export const denied: Answer = { status: 403, code: 'AccessDenied' };

export const invalidToken: Answer = bad('InvalidIdentityToken');
export const invalid: Answer = bad('ValidationError');
/** What Ceph says to nearly every parameter that it checks. */
export const cephInvalid: Answer = bad('InvalidArgument');
