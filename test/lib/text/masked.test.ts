import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { masked } from '../../../src/lib/text/masked.ts';
import { withoutTrailingSlashes } from '../../../src/lib/text/plain.ts';

const part = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-'), minLength: 16, maxLength: 60 });

describe('text from outside', () => {
  it('shows no JWT, wherever it stands', () => {
    const around = fc.constantFrom('', ' ', '"', 'Bearer ', ',', '=');
    fc.assert(
      fc.property(part, part, part, around, (header, payload, signature, before) => {
        const shown = masked(`said ${before}${header}.${payload}.${signature} and no more`);
        expect(shown).toContain('[jwt]');
        for (const secret of [header, payload, signature]) expect(shown).not.toContain(secret);
      }),
    );
  });

  it('keeps what is no JWT: a host, a file, a code', () => {
    const text = 'sts.us-east-1.amazonaws.com answers 503; see walletcreds.yaml and UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    expect(masked(text)).toBe(text);
  });

  it('is cut at 300 characters, and holds no control character but the line feed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 6_000 }), text => {
        const shown = masked(text);
        expect(shown.length).toBeLessThanOrEqual(300);
        expect(shown).not.toMatch(/[^\P{Cc}\n]/u);
      }),
    );
  });

  it('is not read beyond 4,096 characters', () => {
    expect(masked(`${'\u0000'.repeat(4_096)}secret`).trim()).not.toContain('secret');
    expect(masked(`${'.'.repeat(60_000)}`)).toHaveLength(300);
  });
});

it('slashes at the end are left out, and no others', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('/', 'a', ':') }), text => {
      expect(withoutTrailingSlashes(text)).toBe(text.replace(/\/+$/, ''));
    }),
  );
});
