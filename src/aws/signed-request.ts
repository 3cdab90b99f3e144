/**
 * Signed calls outside the SDK: IAM for `doctor`, S3 for `verify`. Signature Version 4 by its library, the call by the one
 * client for everything outbound.
 *
 * @module
 */
import { type BinaryLike, createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { EgressProxy } from '../lib/egress-proxy.ts';
import { type OutboundResponse, request as outbound } from '../lib/http-client.ts';
import type { Send } from './doctor/checks/issuer.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Absent for long-lived keys. */
  readonly sessionToken?: string | undefined;
}

export interface SignedRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** With its query; percent-encoded. */
  readonly url: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly service: 'iam' | 's3' | 'sts';
  readonly region: string;
  readonly caFile?: string | undefined;
  readonly allowInsecureHttp?: boolean;
  readonly proxy?: EgressProxy | undefined;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

/** AWS's secret keys have 40 characters, and tokens more; what is shorter would be found in any text. */
const SECRET_LENGTH = 16;

/** A message of the other side, without the secrets that the call sent. */
export function withoutSecrets(text: string, { secretAccessKey, sessionToken = '' }: AwsKeys): string {
  const secrets = [secretAccessKey, sessionToken].filter(secret => secret.length >= SECRET_LENGTH);
  return secrets.reduce((left, secret) => left.replaceAll(secret, '[secret]'), text);
}

/** The hash that the signer wants: SHA-256, or HMAC-SHA-256 with a secret. */
class Sha256 {
  readonly #hash;
  constructor(secret?: BinaryLike) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data: BinaryLike): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** @throws OutboundError */
export async function sendSigned(
  asked: SignedRequest,
  keys: AwsKeys,
  send: Send = outbound,
): Promise<OutboundResponse> {
  const url = new URL(asked.url);
  const query: Record<string, string> = {};
  for (const [key, value] of url.searchParams) query[key] = value;
  const signer = new SignatureV4({
    service: asked.service,
    region: asked.region,
    credentials: { ...keys, sessionToken: keys.sessionToken ?? '' } as never,
    sha256: Sha256 as never,
    // S3 signs the path as it is sent, every other service encodes it once more.
    uriEscapePath: asked.service !== 's3',
    applyChecksum: true,
  });
  const signed = await signer.sign({
    method: asked.method,
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: url.pathname,
    query,
    headers: { host: url.host, ...asked.headers },
    ...(asked.body === undefined ? {} : { body: asked.body }),
  });
  return send({
    url: asked.url,
    method: asked.method,
    // Unsigned, since proxies change it. Ceph answers in JSON to who takes JSON.
    headers: { ...signed.headers, accept: 'application/xml' },
    ...(asked.body === undefined ? {} : { body: asked.body }),
    caFile: asked.caFile,
    allowInsecureHttp: asked.allowInsecureHttp ?? false,
    ...(asked.proxy && { proxy: asked.proxy }),
    timeoutMs: asked.timeoutMs ?? 10_000,
    maxBytes: asked.maxBytes ?? 1024 * 1024,
  });
}
