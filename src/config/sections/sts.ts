/**
 * The section `sts`: which STS is called, and how.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { InvalidValue } from '../../lib/invalid-value.ts';
import { isKnownRegion, nearestRegion, type Partition, partitionOf, regionalSts } from '../../lib/partitions.ts';
import { key, section } from '../keys.ts';
import type { LoadContext } from '../load-context.ts';
import { isAws } from '../names.ts';
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
  dualstack: key(s.flag, { doc: "Calls the region's host that also has IPv6 addresses.", default: 'false' }),
  fips: key(s.flag, { doc: "Calls the region's host with FIPS-validated cryptography.", default: 'false' }),
  allow_insecure_http: allowInsecureHttpKey,
});

type StsDraft = z.output<typeof sts>;

/**
 * `sts.endpoint`, else `AWS_ENDPOINT_URL_STS`, else the region's. `AWS_ENDPOINT_URL` and the shared AWS configuration are
 * never read: they belong to other programs, and would carry the identity token to an unintended place.
 *
 * @param at the root of the configuration
 * @param region undefined where it is missing or wrong
 */
export function resolveSts(at: LoadContext, draft: StsDraft, region: string | undefined): StsConfig {
  const place = at.at('sts', 'endpoint');
  const allowInsecureHttp = draft.allow_insecure_http;
  const { endpoint, endpointSource } = endpointOf(place, draft, region ?? 'us-east-1');
  if (/[?]/.test(endpoint)) place.error('an endpoint has no query');
  checkInsecure(place, endpoint, allowInsecureHttp);
  if (region !== undefined) checkRegion(at.at('region'), region, { endpoint, endpointSource });
  checkVariant(at.at('sts'), draft, endpointSource, partitionOf(region ?? 'us-east-1'));
  return {
    endpoint,
    endpointSource,
    ...(draft.ca_file !== undefined && { caFile: caFile(at.at('sts', 'ca_file'), draft.ca_file) }),
    timeoutMs: draft.timeout,
    allowInsecureHttp,
    ...at.load.proxied,
  };
}

type StsEndpoint = Pick<StsConfig, 'endpoint' | 'endpointSource'>;

function endpointOf(at: LoadContext, draft: StsDraft, region: string): StsEndpoint {
  if (draft.endpoint !== undefined) return { endpoint: draft.endpoint, endpointSource: 'sts.endpoint' };
  const variable = at.load.env['AWS_ENDPOINT_URL_STS'];
  // The file's value wins even where it is wrong: then that is the finding.
  if (variable !== undefined && variable !== '' && !at.isWritten) {
    try {
      return { endpoint: parseUrl(variable), endpointSource: 'AWS_ENDPOINT_URL_STS' };
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      at.error(`the variable AWS_ENDPOINT_URL_STS: ${error.message}`);
    }
  }
  return { endpoint: regionalSts(region, draft), endpointSource: 'region' };
}

/** A typing error would be a host that doesn't exist. An STS that isn't AWS's has regions of its own. */
function checkRegion(at: LoadContext, region: string, { endpoint, endpointSource }: StsEndpoint): void {
  if (isKnownRegion(region) || !isAws(endpoint)) return;
  const nearest = nearestRegion(region);
  const unknown = `no known region of AWS${nearest === undefined ? '' : ` (did you mean "${nearest}"?)`}`;
  if (endpointSource === 'region') at.error(`${unknown}; for a new one say sts.endpoint: ${endpoint}`);
  else at.warn(unknown);
}

function checkVariant(at: LoadContext, draft: StsDraft, source: StsConfig['endpointSource'], partition: Partition) {
  const supported = { dualstack: partition.supportsDualStack, fips: partition.supportsFIPS };
  for (const name of ['dualstack', 'fips'] as const) {
    if (!draft[name]) continue;
    if (source !== 'region')
      at.at(name).error(`chooses a host of the region, but ${source} names one; keep one of them`);
    else if (!supported[name]) at.at(name).error(`the partition ${partition.name} has no such host`);
  }
}
