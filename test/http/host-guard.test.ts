import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHostGuard, hostName } from '../../src/http/host-guard.ts';

const allowed = createHostGuard(['creds.internal', '10.0.0.5', '0.0.0.0', '']);

describe('the Host guard', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:9110',
    '127.9.8.7',
    'localhost',
    'LOCALHOST:80',
    '::1',
    '[::1]',
    '[::1]:9110',
    '0:0:0:0:0:0:0:1',
    '169.254.170.2',
    '169.254.170.23:80',
    'fd00:ec2::23',
    '[FD00:EC2::23]',
    'creds.internal:9443',
    '10.0.0.5:9110',
  ])('lets %s pass', host => {
    expect(allowed(host)).toBe(true);
    expect(allowed(host)).toBe(true);
  });

  it.each([
    '',
    'evil.example',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.1',
    '0x7f.1',
    '2130706433',
    '0.0.0.0',
    '[::]',
    '::1:9110',
    '[::1].evil.example',
    '[::1',
    '::1]',
    '[localhost]',
    'localhost:evil',
    'localhost:80:80',
    'localhost@evil.example',
    'evil.example@localhost',
    'localhost/..',
    'localhost evil',
    '169.254.169.254',
    '10.0.0.6',
    'internal',
    '%6cocalhost',
  ])('refuses %j', host => {
    expect(allowed(host)).toBe(false);
  });

  it('refuses every name that is on no list, with any port', () => {
    const labels = fc.domain().filter(name => !['localhost', 'creds.internal'].includes(name.toLowerCase()));
    fc.assert(
      fc.property(labels, fc.option(fc.nat(65_535)), (name, port) => {
        expect(allowed(port === null ? name : `${name}:${port}`)).toBe(false);
      }),
    );
  });

  it('refuses every address outside of loopback and the list, and never throws on anything', () => {
    const elsewhere = fc
      .ipV4()
      .filter(a => !a.startsWith('127.') && !['169.254.170.2', '169.254.170.23', '10.0.0.5'].includes(a));
    fc.assert(
      fc.property(elsewhere, address => {
        expect(allowed(address)).toBe(false);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), host => void allowed(host)));
  });

  it('forgets nothing and learns nothing: a flood of good spellings changes no verdict', () => {
    const guard = createHostGuard();
    for (let port = 1; port < 1_000; port++) expect(guard(`127.0.0.1:${port}`)).toBe(true);
    expect(guard('evil.example')).toBe(false);
    expect(guard('127.0.0.1:65535')).toBe(true);
  });

  it('takes any address literal, but no name, where the listener is open on every address and says so', () => {
    const guard = createHostGuard(['0.0.0.0'], { ownAddresses: true });
    expect(guard('10.1.2.3:9112')).toBe(true);
    expect(guard('[fe80::1%eth0]:9112')).toBe(true);
    expect(guard('pod.example')).toBe(false);
    expect(createHostGuard(['10.1.2.4'], { ownAddresses: true })('10.1.2.3')).toBe(false);
  });

  it('reads a host out of its spellings', () => {
    expect(hostName('[::1]:80')).toBe('::1');
    expect(hostName('A.b:80')).toBe('a.b');
    expect(hostName('fe80::1')).toBe('fe80::1');
  });
});
