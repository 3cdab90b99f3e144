/**
 * One pass over `rawHeaders`: everything that the guards and the apps want to know of a request's header.
 *
 * `rawHeaders`, and not `headers`, because node joins or drops duplicates in the latter, and two `Host` or two
 * `Authorization` fields are exactly what has to be seen. One pass, because this runs for every request.
 *
 * @module
 */

/** What a request's header says, as far as anybody here asks. */
export interface HeaderFacts {
  /** Undefined when absent; '' when there but empty. */
  readonly host: string | undefined;
  readonly authorization: string | undefined;
  /** The first field of the two that stood there twice. */
  readonly duplicate: 'Host' | 'Authorization' | undefined;
  /** `X-Forwarded-For`, `X-Forwarded-Host`, `X-Real-IP`, `Forwarded` or `Via` is there. */
  readonly forwarded: boolean;
  /** `Origin`, `Referer` or a `Sec-Fetch-*` is there. */
  readonly browser: boolean;
  /** There is a `Transfer-Encoding`, or a `Content-Length` other than 0. */
  readonly body: boolean;
  /** What `Content-Length` says; undefined without one. */
  readonly contentLength: number | undefined;
  /** `Expect`, lower case. */
  readonly expect: string | undefined;
}

class Facts implements HeaderFacts {
  host: string | undefined = undefined;
  authorization: string | undefined = undefined;
  duplicate: 'Host' | 'Authorization' | undefined = undefined;
  forwarded = false;
  browser = false;
  body = false;
  contentLength: number | undefined = undefined;
  expect: string | undefined = undefined;
}

/** Spellings of field names seen, in lower case: clients repeat themselves, and a look here is cheaper than the change. */
const known = new Map<string, string>();
/** Bounds what strangers can make of {@link known}: past it nothing is learned, and every other name is changed anew. */
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 40;

function learn(name: string): string {
  const lower = name.toLowerCase();
  // All of them say the same here, whatever comes behind the dash.
  const field = lower.startsWith('sec-fetch-') ? 'sec-fetch-' : lower;
  if (known.size < MAX_KNOWN && name.length <= MAX_KNOWN_LENGTH) known.set(name, field);
  return field;
}

/** @param raw names and values by turns, as node has them */
export function readHeaders(raw: readonly string[]): HeaderFacts {
  const facts = new Facts();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    note(facts, known.get(raw[i] as string) ?? learn(raw[i] as string), raw[i + 1] as string);
  }
  return facts;
}

function note(facts: Facts, name: string, value: string): void {
  switch (name) {
    case 'host':
      if (facts.host !== undefined) facts.duplicate ??= 'Host';
      facts.host = value;
      break;
    case 'authorization':
      if (facts.authorization !== undefined) facts.duplicate ??= 'Authorization';
      facts.authorization = value;
      break;
    case 'via':
    case 'forwarded':
    case 'x-real-ip':
    case 'x-forwarded-for':
    case 'x-forwarded-host':
      facts.forwarded = true;
      break;
    case 'origin':
    case 'referer':
    case 'sec-fetch-':
      facts.browser = true;
      break;
    case 'content-length':
      facts.contentLength = Number(value);
      if (facts.contentLength !== 0) facts.body = true;
      break;
    case 'transfer-encoding':
      facts.body = true;
      break;
    case 'expect':
      facts.expect = value.toLowerCase();
      break;
  }
}
