/**
 * The shape of the IAM policies that are written here: plain data that serialises as IAM takes it. Each statement has
 * its reason beside it, so that people know when it can be removed.
 *
 * @module
 */

/** Operator → condition key → value or values. */
export type ConditionBlock = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** One statement, in the order of members in which AWS's own documentation writes them. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: ConditionBlock;
}

/** A statement and why it is there, for the comment above it. */
export interface ExplainedStatement {
  readonly why: string;
  readonly statement: Statement;
}

/** A policy as it is sent: without the reasons. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** Drops the reasons. */
export function documentOf(statements: readonly ExplainedStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements.map(({ statement }) => statement) };
}

/** `${aws:PrincipalTag/KEY}`: what IAM replaces by the session's own tag. */
export function principalTagVariable(walletTag: string): string {
  return `\${aws:PrincipalTag/${walletTag}}`;
}

/** `0x` and 40 `?`: as much of a wallet's form as `StringLike` can say. */
export const WALLET_PATTERN = `0x${'?'.repeat(40)}`;
