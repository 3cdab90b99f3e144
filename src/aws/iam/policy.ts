/**
 * IAM policies as values: what the parser makes of a document, and what the evaluator reads.
 *
 * @module
 */

/** What a document is for; it decides which elements it must and must not have. */
export type PolicyKind = 'trust' | 'identity' | 'resource' | 'session';

/** One line of a `Condition` block. */
export interface Condition {
  /** Without set operator and suffix: `StringEquals`. A name that IAM doesn't know is kept, and evaluates to unknown. */
  readonly operator: string;
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined;
  readonly ifExists: boolean;
  /** As written; IAM compares keys without regard to case. */
  readonly key: string;
  readonly values: readonly string[];
}

export interface Principal {
  /** `AWS`, `Federated`, `Service`, `CanonicalUser`; `*` for `"Principal": "*"`. */
  readonly kind: string;
  readonly value: string;
}

export interface Statement {
  /** `NAME: statement 2 (Sid)`. */
  readonly where: string;
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** Undefined where the statement names none. */
  readonly principals: readonly Principal[] | undefined;
  /** Whether `principals` are those of `NotPrincipal`. */
  readonly notPrincipal: boolean;
  readonly actions: readonly string[];
  readonly notAction: boolean;
  /** Undefined where the statement names none, as in a trust policy. */
  readonly resources: readonly string[] | undefined;
  readonly notResource: boolean;
  readonly conditions: readonly Condition[];
  /** Whether `${…}` is a policy variable: from version 2012-10-17 on. Before it is plain text. */
  readonly variables: boolean;
}

/** Something that IAM or S3 refuses, or reads otherwise than it looks. */
export interface PolicyFinding {
  readonly code: 'not-json' | 'malformed' | 'key-case' | 'operator-unknown' | 'bom' | 'too-large' | 'size' | 'version';
  /** `NAME`, or `NAME: statement 2 (Sid)`. */
  readonly where: string;
  /** The element in the statement, where it is one: `Condition.StringLike`. */
  readonly key: string | undefined;
  /** One clause, without a full stop. */
  readonly what: string;
  /** A fix of its own, a sentence; otherwise the code's. */
  readonly fix?: string;
  /** IAM takes the document all the same, by default or with a raised quota. */
  readonly accepted?: true;
}

export interface Policy {
  readonly statements: readonly Statement[];
  readonly findings: readonly PolicyFinding[];
}
