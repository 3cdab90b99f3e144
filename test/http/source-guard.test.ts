import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSourceGuard } from '../../src/lib/source-guard.ts';

describe('the source guard', () => {
  it('lets everybody pass without a list', () => {
    expect(createSourceGuard([])('203.0.113.9')).toBe(true);
    expect(createSourceGuard([])(undefined)).toBe(true);
  });

  it('takes blocks and single addresses of both families, and the IPv4 clients of a dual-stack socket', () => {
    const allowed = createSourceGuard(['10.42.0.0/16', '192.0.2.7', 'fd00:ec2::/64', 'fe80::/10']);
    for (const address of ['10.42.3.4', '::ffff:10.42.3.4', '192.0.2.7', 'fd00:ec2::99', 'fe80::1%eth0']) {
      expect(allowed(address), address).toBe(true);
    }
    for (const address of ['10.43.0.1', '::ffff:10.43.0.1', '192.0.2.8', 'fd00:ec3::1', '::1', 'nonsense', undefined]) {
      expect(allowed(address), String(address)).toBe(false);
    }
  });

  it('agrees with arithmetic for every IPv4 block', () => {
    const number = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (base, address, bits) => {
        const size = 2 ** (32 - bits);
        const inside = Math.floor(number(base) / size) === Math.floor(number(address) / size);
        expect(createSourceGuard([`${base}/${bits}`])(address)).toBe(inside);
      }),
    );
  });

  it.each(['10.0.0.0/33', 'fd00::/129', 'example.com', '10.0.0.0/', '10.0.0/8', '', '10.0.0.0/-1', 'fe80::1%eth0/64'])(
    'refuses the block %j by name',
    block => {
      expect(() => createSourceGuard([block])).toThrow(`"${block}" is no CIDR block`);
    },
  );
});
