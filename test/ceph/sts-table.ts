/**
 * What an STS is asked, and what it must answer: one table for our emulator and for Ceph's gateway. Where the two differ,
 * `because` says what AWS documents, and the emulator is the one that follows it.
 *
 * @module
 */
import { parameterRows } from './rows/parameters.ts';
import { queryRows } from './rows/query.ts';
import { tagRows } from './rows/tags.ts';
import { tokenRows } from './rows/token.ts';
import { trustRows } from './rows/trust.ts';
import type { RoleName } from './sts-world.ts';

/** How a request differs from the good one: a fresh token of {@link goodClaims} for the role `plain`. */
export interface Ask {
  /** Laid over the good token's claims; `undefined` drops one. @param now unix seconds */
  readonly claims?: (now: number) => Readonly<Record<string, unknown>>;
  /** Another `iss` than the registered URL. */
  readonly issuer?: (registered: string) => string;
  /** Laid over the token's header. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** What signs: the first key of the JWKS (the default), the second, or one that isn't in it. */
  readonly key?: 'first' | 'second' | 'foreign';
  /** Changes the signed token. */
  readonly token?: (good: string) => string;
  readonly role?: RoleName;
  /** Laid over the parameters; `undefined` drops one. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Changes the encoded form. */
  readonly form?: (good: string) => string;
  /** Default POST; GET has the form as its query. */
  readonly method?: 'GET' | 'POST';
  /** Default a form's; `null` sends none. */
  readonly contentType?: string | null;
}

/** An HTTP status, and the `Code` of a refusal. */
export interface Answer {
  readonly status: number;
  readonly code?: string;
}

export interface Row {
  readonly name: string;
  readonly ask: Ask;
  readonly emulator: Answer;
  readonly ceph: Answer;
  /** Wherever they differ: what AWS documents, and what Ceph does instead. */
  readonly because?: string;
}

export const TABLE: readonly { readonly title: string; readonly rows: readonly Row[] }[] = [
  { title: 'The token', rows: tokenRows },
  { title: 'Session tags', rows: tagRows },
  { title: 'Trust policies', rows: trustRows },
  { title: 'Parameters', rows: parameterRows },
  { title: 'The query protocol', rows: queryRows },
];

/** Whether an answer hands out credentials. */
export const taken = ({ status, code }: Answer): boolean => status === 200 && code === undefined;
