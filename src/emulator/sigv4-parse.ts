/**
 * What a signed request says about its signature, read from the `Authorization` header or from the `X-Amz-*` parameters
 * of a presigned URL.
 *
 * @module
 */
import { StsError } from './errors.ts';
import { parseForm, type WireRequest } from './query.ts';

export interface Presented {
  readonly form: 'header' | 'query';
  readonly accessKeyId: string;
  /** `YYYYMMDD` of the credential scope. */
  readonly scopeDate: string;
  readonly region: string;
  readonly service: string;
  /** Lower case. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: Date;
  readonly sessionToken: string | undefined;
  /** Seconds; presigned form. */
  readonly expires: number;
  /** The query to sign, without the parameters that the signer adds itself. */
  readonly query: Record<string, string>;
}

/** Whether the request carries a signature in either form, good or bad. */
export function isSigned({ headers, params }: WireRequest): boolean {
  return headers['authorization'] !== undefined || params.has('X-Amz-Signature') || params.has('X-Amz-Algorithm');
}

const incomplete = (message: string) => new StsError('IncompleteSignature', message);
const ALGORITHM = 'AWS4-HMAC-SHA256';
const SIGNER_ADDS = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature', 'Security-Token'].map(
  name => `X-Amz-${name}`,
);

/** @throws StsError `MissingAuthenticationToken`, `IncompleteSignature` */
export function presentedSignature(request: WireRequest): Presented {
  const authorization = request.headers['authorization'];
  const query = Object.fromEntries(parseForm(request.search));
  if (authorization !== undefined) {
    const [algorithm, ...rest] = authorization.trim().split(' ');
    const fields = new Map(
      rest
        .join(' ')
        .split(',')
        .map(field => splitOnce(field.trim(), '=')),
    );
    return {
      form: 'header',
      ...common(algorithm, name => fields.get(name), request.headers['x-amz-date']),
      sessionToken: request.headers['x-amz-security-token'],
      expires: 0,
      query,
    };
  }
  if (query['X-Amz-Signature'] === undefined) {
    throw new StsError('MissingAuthenticationToken', 'Request is missing Authentication Token');
  }
  const expires = query['X-Amz-Expires'] ?? '';
  if (!/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > 604_800) {
    throw incomplete("AWS query-string parameters must include 'X-Amz-Expires', from 1 to 604800 seconds");
  }
  const rest = Object.entries(query).filter(([name]) => !SIGNER_ADDS.includes(name));
  return {
    form: 'query',
    ...common(query['X-Amz-Algorithm'], name => query[`X-Amz-${name}`], query['X-Amz-Date']),
    sessionToken: query['X-Amz-Security-Token'],
    expires: Number(expires),
    query: Object.fromEntries(rest),
  };
}

function common(algorithm: string | undefined, field: (name: string) => string | undefined, date: string | undefined) {
  if (algorithm !== ALGORITHM) throw incomplete(`Unsupported AWS 'algorithm': it must be '${ALGORITHM}'`);
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map(name => {
    const value = field(name);
    if (value === undefined || value === '') throw incomplete(`Authorization requires '${name}' parameter.`);
    return value;
  }) as [string, string, string];
  const scope = credential.split('/');
  const [accessKeyId = '', scopeDate = '', region = '', service = '', terminator] = scope;
  if (scope.length !== 5 || terminator !== 'aws4_request' || !/^[a-z0-9-]+$/.test(region)) {
    throw incomplete('Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/aws4_request');
  }
  const headers = signedHeaders.split(';');
  if (!headers.includes('host')) throw incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  return { accessKeyId, scopeDate, region, service, signedHeaders: headers, signature, date: parseDate(date) };
}

function parseDate(stamp: string | undefined): Date {
  if (stamp === undefined) throw incomplete("Authorization requires existence of 'X-Amz-Date'.");
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  const date = new Date(parts === null ? Number.NaN : `${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}Z`);
  if (Number.isNaN(date.getTime())) throw incomplete("Date must be in ISO-8601 'basic format'.");
  return date;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
