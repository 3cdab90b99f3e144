/**
 * Credentials from a broker's `mint-aws-creds`, as its old callers ask for them.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import type { EgressProxy } from '../../lib/egress-proxy.ts';
import { RelayedError, UsageError } from '../../lib/errors.ts';
import { request as outbound } from '../../lib/http-client.ts';
import { masked } from '../../lib/text/masked.ts';
import { withoutTrailingSlashes } from '../../lib/text/plain.ts';
import type { Send } from '../doctor/checks/issuer.ts';
import type { AwsKeys } from '../signed-request.ts';

/** The broker said no, or what can't be understood. */
export class MintRefused extends RelayedError {
  readonly kind = 'MintRefused';
}

/**
 * @param wallet the one that is to be proven: an answer for another would prove something else
 * @throws UsageError, MintRefused, OutboundError
 */
export async function mintAwsCreds(options: {
  broker: string;
  bearerFile: string;
  wallet: string;
  caFile?: string | undefined;
  allowInsecureHttp?: boolean;
  proxy?: EgressProxy | undefined;
  send?: Send;
}): Promise<AwsKeys> {
  const bearer = await readFile(options.bearerFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--bearer-file ${options.bearerFile}: it cannot be read (${error.code ?? 'unknown'})`);
  });
  const answer = await (options.send ?? outbound)({
    url: `${withoutTrailingSlashes(options.broker)}/v1/mint-aws-creds`,
    method: 'POST',
    headers: { authorization: `Bearer ${bearer.trim()}` },
    body: '',
    caFile: options.caFile,
    allowInsecureHttp: options.allowInsecureHttp ?? false,
    ...(options.proxy && { proxy: options.proxy }),
    timeoutMs: 15_000,
  });
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(answer.body);
  } catch {
    throw new MintRefused('BadAnswer', `the broker answers ${answer.status}, and no JSON`);
  }
  if (answer.status !== 200) {
    throw new MintRefused(
      String(body?.['error'] ?? answer.status),
      masked(`the broker answers ${answer.status}: ${String(body?.['message'] ?? '')}`),
    );
  }
  const { access_key_id, secret_access_key, session_token, wallet } = body;
  if (typeof access_key_id !== 'string' || typeof secret_access_key !== 'string' || typeof session_token !== 'string') {
    throw new MintRefused('BadAnswer', 'the broker answers without credentials');
  }
  if (wallet !== options.wallet) {
    throw new MintRefused(
      'WalletMismatch',
      `the bearer belongs to ${masked(String(wallet))}, not to ${options.wallet}`,
    );
  }
  return { accessKeyId: access_key_id, secretAccessKey: secret_access_key, sessionToken: session_token };
}
