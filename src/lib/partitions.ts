/**
 * AWS's partitions and regions, by the data that the SDK ships.
 *
 * @module
 */
import { PARTITIONS } from './aws-partitions.ts';
import { nearest } from './nearest.ts';

/** Where a region's services are. */
export interface Partition {
  /** `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, `aws-iso`, … */
  readonly name: string;
  /** `amazonaws.com` */
  readonly dnsSuffix: string;
  /** The same for hosts that also have IPv6 addresses: `api.aws`. */
  readonly dualStackDnsSuffix: string;
  readonly supportsDualStack: boolean;
  readonly supportsFIPS: boolean;
}

const REGIONS: readonly string[] = PARTITIONS.flatMap(({ regions }) => regions);
const [AWS] = PARTITIONS;

/** By the pattern of the region's name, so that a new region is found; one of no pattern counts as one of `aws`. */
export function partitionOf(region: string): Partition {
  return PARTITIONS.find(({ pattern }) => region.length <= 64 && pattern.test(region)) ?? AWS;
}

/** Whether the SDK knows a region by name. A region that is newer than the SDK is unknown. */
export function isKnownRegion(region: string): boolean {
  return REGIONS.includes(region);
}

/** The known region that was probably meant. */
export function nearestRegion(region: string): string | undefined {
  return nearest(region, REGIONS);
}

/** Whether a host belongs to AWS. */
export function isAwsHost(host: string): boolean {
  const name = host.replace(/\.$/, '');
  const suffixes = PARTITIONS.flatMap(({ dnsSuffix, dualStackDnsSuffix }) => [dnsSuffix, dualStackDnsSuffix]);
  return suffixes.some(suffix => name === suffix || name.endsWith(`.${suffix}`));
}

export interface EndpointVariant {
  /** A host that also has IPv6 addresses. */
  readonly dualstack: boolean;
  /** A host with validated cryptography. */
  readonly fips: boolean;
}

/** The URL of a region's own STS, as the SDK builds it. */
export function regionalSts(region: string, { dualstack, fips }: EndpointVariant): string {
  const { name, dnsSuffix, dualStackDnsSuffix } = partitionOf(region);
  // In GovCloud every STS is a FIPS one.
  const service = fips && (dualstack || name !== 'aws-us-gov') ? 'sts-fips' : 'sts';
  return `https://${service}.${region}.${dualstack ? dualStackDnsSuffix : dnsSuffix}`;
}
