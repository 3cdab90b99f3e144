import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../src/auth/caller.ts';
import type { EndpointRefusal } from '../../src/http/endpoint/index.ts';
import {
  AuditUnavailable,
  CredentialsUninitialized,
  InvalidAuthorizationToken,
  SessionBackendUnavailable,
  StsRefused,
  WorkloadUnknown,
} from '../../src/lib/errors.ts';
import {
  credentials,
  credentialsOf,
  fakeVending,
  get,
  RELATIVE_ID,
  sampleEndpoint,
  tokenOf,
  vendedOf,
} from './support/sample.ts';

const codeOf = async (reply: Response | Promise<Response>) => ((await (await reply).json()) as { code: string }).code;

describe('who gets what', () => {
  it('gives each token its own workload’s credentials, whatever the interleaving', async () => {
    const { endpoint } = sampleEndpoint({
      vending: fakeVending(async ({ workload }) => {
        await new Promise(resolve => setImmediate(resolve));
        return vendedOf(credentialsOf(workload.name));
      }),
    });
    const names = fc.array(fc.constantFrom('alpha', 'beta'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(names, async names => {
        const replies = await Promise.all(names.map(name => get(endpoint, '/v1/credentials', tokenOf(name))));
        const keys = await Promise.all(
          replies.map(async reply => ((await reply.json()) as Record<string, string>)['AccessKeyId']),
        );
        expect(keys).toEqual(names.map(name => `ASIA${name.toUpperCase()}`));
      }),
      { numRuns: 30 },
    );
  });

  it('lets the path name the workload but never choose it: another’s name and nobody’s are refused in the same way', async () => {
    const { endpoint } = sampleEndpoint();
    expect((await get(endpoint, '/v1/credentials/alpha', tokenOf('alpha'))).status).toBe(200);
    const other = await get(endpoint, '/v1/credentials/beta', tokenOf('alpha'));
    const nobody = await get(endpoint, '/v1/credentials/nobody', tokenOf('alpha'));
    expect([other.status, nobody.status]).toEqual([403, 403]);
    const text = await other.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'WorkloadMismatch' });
    expect(await nobody.text()).toBe(text);
    expect(await codeOf(get(endpoint, '/v1/credentials/beta'))).toBe('InvalidAuthorizationToken');
  });

  it('never gives a token another workload’s credentials, whatever the path', async () => {
    const { endpoint } = sampleEndpoint();
    const segment = fc.oneof(
      fc.constantFrom('v1', 'v2', 'credentials', 'beta', '..', '.', '', '%62eta', 'alpha%2f..%2fbeta'),
      fc.webSegment(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 5 }), async segments => {
        const reply = await get(endpoint, `/${segments.join('/')}`, tokenOf('alpha'));
        expect(await reply.text()).not.toContain('ASIABETA');
      }),
    );
  });

  it('answers an unknown token, an empty one and none with the same bytes', async () => {
    const { endpoint } = sampleEndpoint();
    const replies = await Promise.all(
      [undefined, '', 'x', tokenOf('gamma')].map(t => get(endpoint, '/v1/credentials', t)),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    expect(new Set(await Promise.all(replies.map(reply => reply.text()))).size).toBe(1);
  });
});

describe('the id in the path', () => {
  const path = `/v2/credentials/${RELATIVE_ID}`;

  it('is enough without a header, and with the right one', async () => {
    const { endpoint } = sampleEndpoint();
    for (const token of [undefined, '', tokenOf('alpha'), `Bearer ${tokenOf('alpha')}`]) {
      expect((await get(endpoint, path, token)).status, token).toBe(200);
    }
  });

  it('doesn’t excuse a wrong header, nor another workload’s', async () => {
    const { endpoint } = sampleEndpoint();
    for (const token of ['wrong', tokenOf('beta')]) {
      const reply = await get(endpoint, path, token);
      expect(reply.status).toBe(401);
      expect(await codeOf(reply)).toBe('InvalidAuthorizationToken');
    }
  });

  it('answers a wrong id, a source outside of its list and an unknown path with the same 404', async () => {
    const { endpoint } = sampleEndpoint();
    const bodies = new Set<string>();
    for (const [target, remoteAddress] of [
      [path, '10.9.9.9'],
      [`${path}x`, '127.0.0.1'],
      ['/v2/credentials/', '127.0.0.1'],
      ['/v2/credentials', '127.0.0.1'],
      ['/v1', '127.0.0.1'],
      [`/v1/credentials/${RELATIVE_ID}/x`, '127.0.0.1'],
    ] as const) {
      const reply = await get(endpoint, target, 'wrong', remoteAddress);
      expect(reply.status, target).toBe(404);
      bodies.add(await reply.text());
    }
    expect(bodies.size).toBe(1);
    expect([...bodies][0]).toContain('"NotFound"');
  });
});

describe('tokens that take a look-up', () => {
  const resolved = (caller: Caller | Error) => ({
    authenticate: () => (caller instanceof Error ? Promise.reject(caller) : Promise.resolve(caller)),
  });

  it('waits for the authenticator, and checks the path by what it found', async () => {
    const { alpha } = sampleEndpoint();
    const { endpoint } = sampleEndpoint({ authenticator: resolved({ workload: alpha, kind: 'jwt', tokenHash: 'h' }) });
    expect((await get(endpoint, '/v1/credentials', 'a.b.c')).status).toBe(200);
    expect((await get(endpoint, '/v1/credentials/alpha', 'a.b.c')).status).toBe(200);
    expect(await codeOf(get(endpoint, '/v1/credentials/beta', 'a.b.c'))).toBe('WorkloadMismatch');
  });

  it.each([
    [new InvalidAuthorizationToken('no'), 401],
    [new WorkloadUnknown('nobody'), 403],
    [new SessionBackendUnavailable('down'), 503],
  ])('answers its refusal %s', async (error, status) => {
    const { endpoint } = sampleEndpoint({ authenticator: resolved(error) });
    for (const path of ['/v1/credentials', '/v1/credentials/alpha', `/v2/credentials/${RELATIVE_ID}`]) {
      const reply = await get(endpoint, path, 'a.b.c');
      expect(reply.status).toBe(status);
      expect(reply.headers.get('Retry-After')).toBe(status === 503 ? '1' : null);
      expect(await codeOf(reply)).toBe(error.code);
    }
  });
});

describe('log, metrics and audit log', () => {
  it('logs one line a vend with the fields an operator needs and none that is secret', async () => {
    const { endpoint, lines } = sampleEndpoint();
    await get(endpoint, '/v1/credentials/alpha', tokenOf('alpha'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      msg: 'vended',
      workload: 'alpha',
      wallet: `0x${'1'.repeat(40)}`,
      access_key_id: 'ASIAALPHA',
      expires: '2026-01-01T01:02:03Z',
      source: 'cached',
      ms: expect.any(Number),
    });
  });

  it('holds route templates, never paths, ids, tokens or keys, whatever is asked', async () => {
    const { endpoint, lines, metrics } = sampleEndpoint();
    const secrets = [
      RELATIVE_ID,
      tokenOf('alpha'),
      'canary-path',
      'canary-token',
      credentials().secretAccessKey,
      credentials().sessionToken,
    ];
    await get(endpoint, `/v2/credentials/${RELATIVE_ID}`, 'canary-token');
    await get(endpoint, `/v2/credentials/${RELATIVE_ID}`);
    await get(endpoint, '/v2/credentials/canary-path');
    await get(endpoint, '/v1/credentials/canary-path', tokenOf('alpha'));
    await get(endpoint, '/canary-path', tokenOf('alpha'));
    const seen = lines.join('') + (await metrics.registry.metrics());
    for (const secret of secrets) expect(seen).not.toContain(secret);
    expect(seen).toContain('"route":"/v2/credentials/:id"');
  });

  it('counts every answer once, by workload and outcome', async () => {
    const { endpoint, metrics } = sampleEndpoint();
    await get(endpoint, '/v1/credentials', tokenOf('alpha'));
    await get(endpoint, '/v1/credentials', tokenOf('alpha'));
    await get(endpoint, '/v1/credentials', 'wrong');
    await get(endpoint, '/nowhere');
    const count = () => metrics.registry.getSingleMetricAsString('walletcreds_requests_total');
    for (const text of [await count(), await count()]) {
      expect(text).toContain('{workload="alpha",outcome="cached"} 2');
      expect(text).toContain('{workload="-",outcome="InvalidAuthorizationToken"} 1');
      expect(text).toContain('{workload="-",outcome="NotFound"} 1');
    }
  });

  it.each([
    [
      'thrown',
      () => {
        throw new StsRefused('AccessDenied', 'no');
      },
    ],
    ['rejected', () => Promise.reject(new StsRefused('AccessDenied', 'no'))],
  ])(
    'tells who keeps the audit log of every refusal, %s: what was shown, and who it was where that is known',
    async (_, vend) => {
      const told: EndpointRefusal[] = [];
      const { endpoint, alpha } = sampleEndpoint({
        vending: fakeVending(vend),
        refused: refusal => told.push(refusal),
      });
      await get(endpoint, '/v1/credentials', 'wrong');
      await get(endpoint, '/v1/credentials', tokenOf('alpha'));
      expect(
        told.map(({ code, route, authorization, caller }) => [code, route, authorization, caller?.workload]),
      ).toEqual([
        ['InvalidAuthorizationToken', '/v1/credentials', 'wrong', undefined],
        ['AccessDenied', '/v1/credentials', tokenOf('alpha'), alpha],
      ]);
    },
  );
});

describe('failures', () => {
  it.each([
    [new CredentialsUninitialized('not yet'), 503],
    [new AuditUnavailable('disk full'), 503],
    [new StsRefused('AccessDenied', 'no'), 403],
  ])('answers %s thrown or rejected, in the same way', async (error, status) => {
    const thrown = sampleEndpoint({
      vending: fakeVending(() => {
        throw error;
      }),
    });
    const rejected = sampleEndpoint({ vending: fakeVending(() => Promise.reject(error)) });
    const bodies = [];
    for (const { endpoint } of [thrown, rejected]) {
      const reply = await get(endpoint, '/v1/credentials', tokenOf('alpha'));
      expect(reply.status).toBe(status);
      bodies.push(await reply.text());
    }
    expect(bodies[0]).toBe(bodies[1]);
  });

  it('tells nothing of a failure that is nobody’s plan, and logs it', async () => {
    const { endpoint, lines } = sampleEndpoint({ vending: fakeVending(() => Promise.reject(new Error('canary'))) });
    const reply = await get(endpoint, '/v1/credentials', tokenOf('alpha'));
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toContain('canary');
    expect(lines.join('')).toContain('canary');
  });

  it('refuses a session token that makes the answer too large, as a refusal that won’t change', async () => {
    const { endpoint } = sampleEndpoint({
      vending: fakeVending(() => vendedOf(credentials({ sessionToken: 'x'.repeat(10_000) }))),
    });
    const reply = await get(endpoint, '/v1/credentials', tokenOf('alpha'));
    expect(reply.status).toBe(403);
    expect(await codeOf(reply)).toBe('ResponseTooLarge');
  });
});
