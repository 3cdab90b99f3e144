import { STSClient } from '@aws-sdk/client-sts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance } from '../../src/lib/nearest.ts';
import { isAwsHost, isKnownRegion, nearestRegion, partitionOf, regionalSts } from '../../src/lib/partitions.ts';

/** One of each partition, and some of the largest. */
const REGIONS = {
  'us-east-1': 'aws',
  'eu-central-1': 'aws',
  'ap-southeast-2': 'aws',
  'cn-north-1': 'aws-cn',
  'us-gov-west-1': 'aws-us-gov',
  'eusc-de-east-1': 'aws-eusc',
  'us-iso-east-1': 'aws-iso',
  'us-isob-east-1': 'aws-iso-b',
  'eu-isoe-west-1': 'aws-iso-e',
  'us-isof-south-1': 'aws-iso-f',
};
const names = Object.keys(REGIONS);

const provider = new STSClient({ region: 'us-east-1' }).config.endpointProvider;
const flags = [true, false];
const variants = names.flatMap(region => flags.flatMap(dualstack => flags.map(fips => ({ region, dualstack, fips }))));

describe('a region', () => {
  it.each(Object.entries(REGIONS))('%s belongs to %s', (region, name) => {
    expect(isKnownRegion(region)).toBe(true);
    expect(partitionOf(region).name).toBe(name);
  });

  it.each(variants)('has the STS that the SDK calls: %j', ({ region, dualstack, fips }) => {
    const { url } = provider({ Region: region, UseDualStack: dualstack, UseFIPS: fips, UseGlobalEndpoint: false });
    expect(`${regionalSts(region, { dualstack, fips })}/`).toBe(url.href);
    expect(isAwsHost(url.hostname)).toBe(true);
  });

  it('is found through any one typing error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.nat(),
        fc.constantFrom('drop', 'double', 'swap', 'x'),
        (region, n, kind) => {
          const at = n % (region.length - 1);
          const [a, b] = [region.charAt(at), region.charAt(at + 1)];
          const typo = { drop: b, double: a + a + b, swap: b + a, x: `x${b}` }[kind] ?? '';
          const wrong = region.slice(0, at) + typo + region.slice(at + 2);
          // It may be nearer to another region, as us-east-1 without its "e" is to us-west-1.
          const found = nearestRegion(wrong);
          // It may be as near to another region, as us-est-1 is to us-west-1.
          expect(isKnownRegion(found ?? '') && editDistance(wrong, found ?? '')).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('that is near to none has no nearest one, however long it is', () => {
    for (const name of ['', 'mars-north-1', 'default', 'x'.repeat(100_000)])
      expect(nearestRegion(name)).toBeUndefined();
  });
});

describe('a host', () => {
  it.each(['sts.amazonaws.com', 'sts.amazonaws.com.', 's3.cn-north-1.amazonaws.com.cn', 'sts.us-east-1.api.aws'])(
    'of AWS is known: %s',
    host => expect(isAwsHost(host)).toBe(true),
  );

  it.each(['amazonaws.com.example.org', 'xamazonaws.com', 'sts.example.org', 'us-east-1', '127.0.0.1', '[::1]'])(
    'of somebody else is not: %s',
    host => expect(isAwsHost(host)).toBe(false),
  );
});
