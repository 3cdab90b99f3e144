/**
 * The section `sts`: which STS is called, and how.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { InvalidValue } from '../../lib/invalid-value.ts';
import { key, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import { regionalSts } from '../names.ts';
import * as s from '../scalars.ts';
import { caFile } from '../secrets/pem.ts';
import type { StsConfig } from '../types.ts';
import { checkInsecure, parseUrl } from '../urls.ts';
import { allowInsecureHttpKey } from './shared-keys.ts';

export const sts = section({
  endpoint: key(s.url, {
    doc: 'The URL of STS. The start-up log says which is used and why.',
    otherwise: '`AWS_ENDPOINT_URL_STS`, else the one of `region`',
    example: 'https://sts.us-east-1.amazonaws.com',
  }),
  ca_file: key(s.path, {
    doc: 'Certificates that STS is verified with, in place of the usual ones.',
    example: 'ca.pem',
  }),
  timeout: key(s.duration(100, 60_000), { doc: 'The time one call to STS may take.', default: '5s' }),
  allow_insecure_http: allowInsecureHttpKey,
});

/**
 * `sts.endpoint`, else `AWS_ENDPOINT_URL_STS`, else the region's. `AWS_ENDPOINT_URL` and the shared AWS configuration are
 * never read: they belong to other programs, and would carry the identity token to an unintended place.
 */
export function resolveSts(at: LoadContext, draft: z.output<typeof sts>, region: string): StsConfig {
  const place = at.at('endpoint');
  const allowInsecureHttp = draft.allow_insecure_http;
  const { endpoint, endpointSource } = endpointOf(place, draft.endpoint, region);
  if (/[?]/.test(endpoint)) place.error('an endpoint has no query');
  checkInsecure(place, endpoint, allowInsecureHttp);
  return {
    endpoint,
    endpointSource,
    ...(draft.ca_file !== undefined && { caFile: caFile(at.at('ca_file'), draft.ca_file) }),
    timeoutMs: draft.timeout,
    allowInsecureHttp,
  };
}

function endpointOf(at: LoadContext, written: string | undefined, region: string) {
  if (written !== undefined) return { endpoint: written, endpointSource: 'sts.endpoint' as const };
  const variable = at.load.env['AWS_ENDPOINT_URL_STS'];
  // The file's value wins even where it is wrong: then that is the finding.
  if (variable !== undefined && variable !== '' && !at.isWritten) {
    try {
      return { endpoint: parseUrl(variable), endpointSource: 'AWS_ENDPOINT_URL_STS' as const };
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      at.error(`the variable AWS_ENDPOINT_URL_STS: ${error.message}`);
    }
  }
  return { endpoint: regionalSts(region), endpointSource: 'region' as const };
}
