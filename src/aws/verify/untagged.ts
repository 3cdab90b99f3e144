/**
 * Tries to become the role with a token that is good in everything but carries no wallet: the trust policy must refuse it.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Config } from '../../config/types.ts';
import { loadKeys } from '../../identity-token/keys/index.ts';
import { request as outbound } from '../../lib/http-client.ts';
import { masked } from '../../lib/text/masked.ts';
import { textOf } from '../../lib/xml.ts';
import type { Workload } from '../../workload/workload.ts';
import type { Send } from '../doctor/checks/issuer.ts';

export interface UntaggedAnswer {
  /** `refused`: AccessDenied, by the role. Another error proves nothing about the role. */
  readonly outcome: 'refused' | 'taken' | 'unclear';
  readonly detail: string;
}

/** @returns undefined where no signer is configured for the workload, or its keys can't be read here */
export async function untaggedExchange(
  config: Config,
  workload: Workload,
  options: { now?: () => number; send?: Send } = {},
): Promise<(() => Promise<UntaggedAnswer>) | undefined> {
  const source = workload.identityToken;
  if (source.kind !== 'signer') return undefined;
  const now = options.now ?? Date.now;
  try {
    const key = (await loadKeys(source.keysDir, source.purpose)).activeKey(now());
    return async () => {
      const iat = Math.floor(now() / 1000);
      const { issuer, audience } = source;
      const jwt = await new SignJWT({
        iss: issuer,
        sub: 'walletcreds:verify:untagged',
        aud: audience,
        iat,
        exp: iat + 60,
        jti: randomUUID(),
      })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
        .sign(key.privateKey);
      return exchange(config, workload, jwt, options.send ?? outbound);
    };
  } catch {
    return undefined;
  }
}

async function exchange(config: Config, workload: Workload, jwt: string, send: Send): Promise<UntaggedAnswer> {
  const { endpoint, caFile, allowInsecureHttp, timeoutMs, proxy } = config.sts;
  try {
    const answer = await send({
      url: `${endpoint.replace(/\/$/, '')}/`,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/xml' },
      body: new URLSearchParams({
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: workload.role.arn,
        RoleSessionName: 'walletcreds-verify-untagged',
        DurationSeconds: '900',
        WebIdentityToken: jwt,
      }).toString(),
      caFile,
      allowInsecureHttp,
      timeoutMs,
      proxy,
    });
    if (answer.status === 200 && textOf(answer.body, 'AccessKeyId') !== undefined)
      return { outcome: 'taken', detail: '' };
    const code = textOf(answer.body, 'Code');
    if (answer.status === 403 && code === 'AccessDenied') return { outcome: 'refused', detail: 'AccessDenied' };
    return {
      outcome: 'unclear',
      detail: masked(`STS answers ${answer.status} ${code ?? 'in a form that is not its own'}`),
    };
  } catch (error) {
    return { outcome: 'unclear', detail: error instanceof Error ? masked(error.message) : String(error) };
  }
}
