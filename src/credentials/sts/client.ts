/**
 * Loads the AWS SDK; no other file does. It is imported lazily, since loading takes tens of milliseconds and the
 * listeners must not wait for it.
 *
 * `AssumeRoleWithWebIdentity` is unsigned by definition, and the process's environment can't change that. The client is
 * given every setting that the SDK would look up (environment, `~/.aws/config`, metadata service). It has only the
 * no-auth scheme, and a request for credentials throws.
 *
 * @module
 */
import {
  AssumeRoleWithWebIdentityCommand,
  type AssumeRoleWithWebIdentityCommandInput,
  type AssumeRoleWithWebIdentityCommandOutput,
  STSClient,
} from '@aws-sdk/client-sts';
import type { HttpResponse } from '@smithy/types';
import type { EgressProxy } from '../../lib/egress-proxy.ts';
import { createTransport, requestIdOf } from './transport.ts';

/** STS's answer as the SDK read it, with what it drops. */
export interface StsAnswer {
  readonly output: AssumeRoleWithWebIdentityCommandOutput;
  /** The `Date` header; undefined without one. */
  readonly date: string | undefined;
  readonly requestId: string | undefined;
}

export interface StsClient {
  assumeRole(input: AssumeRoleWithWebIdentityCommandInput, signal: AbortSignal): Promise<StsAnswer>;
  destroy(): void;
}

/** @param options.ca PEM, as `options.proxy` see {@link createTransport} */
export function createStsClient(options: {
  readonly endpoint: string;
  readonly region: string;
  readonly ca: string | undefined;
  readonly proxy: EgressProxy | undefined;
}): StsClient {
  const { endpoint, region, ca, proxy } = options;
  const client = withoutVersionWarning(
    () =>
      new STSClient({
        endpoint,
        region,
        credentials: refuse,
        credentialDefaultProvider: () => refuse,
        httpAuthSchemeProvider: () => [{ schemeId: 'smithy.api#noAuth' }],
        httpAuthSchemes: [
          {
            schemeId: 'smithy.api#noAuth',
            identityProvider: () => async () => ({}),
            signer: { sign: async request => request },
          },
        ],
        authSchemePreference: [],
        sigv4aSigningRegionSet: [],
        defaultsMode: 'standard',
        retryMode: 'standard',
        maxAttempts: 1,
        useFipsEndpoint: false,
        useDualstackEndpoint: false,
        useGlobalEndpoint: false,
        userAgentAppId: 'walletcreds',
        requestHandler: createTransport({ place: new URL(endpoint).origin, ca, proxy }),
      }),
  );
  return {
    async assumeRole(input, signal) {
      const command = new AssumeRoleWithWebIdentityCommand(input);
      let date: string | undefined;
      let requestId: string | undefined;
      command.middlewareStack.add(
        next => async args => {
          const result = await next(args);
          const { headers, body } = result.response as HttpResponse;
          date = headers['date'];
          requestId = requestIdOf(headers, body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : '');
          return result;
        },
        { step: 'deserialize', name: 'walletcredsResponseFacts', priority: 'low' },
      );
      const output = await client.send(command, { abortSignal: signal });
      return { output, date, requestId };
    },
    destroy: () => client.destroy(),
  };
}

async function refuse(): Promise<never> {
  throw new Error('AWS credentials were asked for, although the exchange is unsigned');
}

/** The SDK prints many lines about old Node versions when a client is made; the log says it once instead. */
function withoutVersionWarning<T>(make: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  const before = process.env[name];
  process.env[name] = 'true';
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
