/**
 * Reads a policy from a file or an account. Each fault becomes a finding, and the rest is still checked.
 *
 * @module
 */
import { parsePolicy } from '../../iam/parse.ts';
import type { PolicyFinding, PolicyKind, Statement } from '../../iam/policy.ts';
import { type Finding, finding } from '../finding.ts';
import { type Unwrapped, unwrap } from './unwrap.ts';

export interface ReadPolicy {
  readonly statements: readonly Statement[];
  readonly findings: readonly Finding[];
  readonly roleTags: Unwrapped['tags'];
}

/** @param name what findings call it: a file's path */
export function readPolicy(text: string, kind: PolicyKind, name: string): ReadPolicy {
  const found: PolicyFinding[] = [];
  const { document, tags } = unwrap(
    text,
    (code, what, place) => void found.push({ where: name, key: undefined, code, what, ...place }),
  );
  if (document === undefined) return { statements: [], findings: found.map(findingOf), roleTags: tags };
  const { statements, findings } = parsePolicy(document, kind, name);
  return { statements, findings: [...found, ...findings].map(findingOf), roleTags: tags };
}

function findingOf({ code, what, where, key, fix, accepted }: PolicyFinding): Finding {
  const place = key === undefined ? where : `${where} ${key}`;
  const size = code === 'size' && accepted === true ? { severity: 'warning' as const } : {};
  return finding(`policy-${code}`, what, place, { ...size, ...(fix === undefined ? {} : { fix }) });
}
