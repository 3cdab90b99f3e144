import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isRequestErrorKind, REQUEST_FAILURES } from '../../src/lib/error-kinds.ts';
import {
  AuditUnavailable,
  IssuerUnavailable,
  RequestTimeout,
  StsRefused,
  StsUnavailable,
  UsageError,
} from '../../src/lib/errors.ts';

const SRC = new URL('../../src/', import.meta.url);

/** Each class that says its kind, over all of src. */
const classes = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .flatMap(name => [
    ...readFileSync(new URL(name, SRC), 'utf8').matchAll(/class (\w+) extends \w+ \{\s+readonly kind = '(\w+)'/g),
  ])
  .map(([, name, kind]) => [name, kind]);

describe('a failure', () => {
  it('has a class of its own for each kind, which bears the kind’s name', () => {
    expect(classes.filter(([name, kind]) => name !== kind)).toEqual([]);
    const kinds = classes.map(([, kind]) => kind ?? '');
    expect(new Set(kinds).size).toBe(kinds.length);
    expect(new Set(kinds.filter(kind => Object.hasOwn(REQUEST_FAILURES, kind)))).toEqual(
      new Set(Object.keys(REQUEST_FAILURES)),
    );
  });

  it.each([
    [new AuditUnavailable('x'), 'AuditUnavailable', 503, true],
    [new IssuerUnavailable('x'), 'IssuerUnavailable', 503, true],
    [new StsUnavailable('x'), 'StsUnavailable', 503, true],
    [new StsRefused('AccessDenied', 'x'), 'AccessDenied', 403, false],
    [new RequestTimeout('x'), 'RequestTimeout', 408, false],
    [new UsageError('x'), 'UsageError', 500, false],
  ])('%s says its code, its status and whether asking again can help', (error, code, status, transient) => {
    expect(error).toMatchObject({ code, status, transient });
  });

  it('is transient exactly where the endpoint answers 503 or the broker 429', () => {
    for (const known of Object.values(REQUEST_FAILURES)) {
      expect('transient' in known).toBe(known.status === 503 || known.status === 429);
    }
    expect(isRequestErrorKind('UsageError')).toBe(false);
  });
});
