import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createIdentityTokenSource } from '../../src/identity-token/source.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { TAG, WALLET, workload } from '../support/workload.ts';
import { claims, jwtOf, NOW, OTHER, TAGS, temporaryFolder } from './support.ts';

const good = { jwt: jwtOf(claims()), wallet: WALLET, expiration: NOW / 1000 + 300 };

async function brokerWith(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: { method?: string; url?: string; authorization?: string }[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    seen.push({ method, url, authorization: request.headers.authorization ?? '' });
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = fakeClock();
  const source = createIdentityTokenSource({ clock });
  const bearerFile = join(temporaryFolder(), 'bearer');
  writeFileSync(bearerFile, 'first-bearer\n');
  const broker = { kind: 'broker', url, allowInsecureHttp: false, audience: 'sts.amazonaws.com' } as const;
  return {
    seen,
    url,
    clock,
    bearerFile,
    get: () => source.get(workload({ identityToken: { ...broker, bearer: { file: bearerFile } } })),
    getAs: (presentedToken?: string) =>
      source.get(
        workload({ identityToken: { ...broker, bearer: 'caller' } }),
        presentedToken === undefined ? {} : { presentedToken },
      ),
    getFrom: (other: string) =>
      source.get(workload({ identityToken: { ...broker, url: other, bearer: { file: bearerFile } } })),
  };
}

const answering = (status: number, body: unknown) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));

describe('a token from a broker', () => {
  it('is asked for with the bearer as its file has it now', async () => {
    const { get, seen, bearerFile } = await brokerWith(answering(200, good));
    expect(await get()).toMatchObject({ jwt: good.jwt, tagged: true });
    writeFileSync(bearerFile, 'second-bearer');
    await get();
    expect(seen).toEqual([
      { method: 'POST', url: '/v1/mint-oidc-jwt', authorization: 'Bearer first-bearer' },
      { method: 'POST', url: '/v1/mint-oidc-jwt', authorization: 'Bearer second-bearer' },
    ]);
  });

  it('is asked for below the path of the URL, with or without a slash at its end', async () => {
    const { getFrom, url, seen } = await brokerWith(answering(200, good));
    await getFrom(`${url}/base/`);
    expect(seen[0]?.url).toBe('/base/v1/mint-oidc-jwt');
  });

  it('is asked for with what the caller showed, where it says so, and never without', async () => {
    const { getAs, seen } = await brokerWith(answering(200, good));
    await getAs("Bearer caller's.own.jwt");
    expect(seen[0]?.authorization).toBe("Bearer caller's.own.jwt");
    for (const presentedToken of [undefined, '', 'Bearer ', 'two words', 'line\r\nbreak: x']) {
      await expect(getAs(presentedToken)).rejects.toMatchObject({ code: 'BrokerRefused' });
    }
    expect(seen).toHaveLength(1);
  });

  it.each([401, 403])('that is refused with %d is not asked for again until the bearer changes', async status => {
    let verdict = status;
    const { get, seen, bearerFile } = await brokerWith(
      (_, response) =>
        void response
          .writeHead(verdict)
          .end(JSON.stringify(verdict === 200 ? good : { error: 'unauthorized', message: 'x' })),
    );
    for (let i = 0; i < 5; i++) {
      const failure = await get().catch(error => error);
      expect(failure).toMatchObject({ code: 'BrokerRefused', transient: false });
      expect(failure.message).toContain(`${status} unauthorized`);
      expect(failure.message).toContain(bearerFile);
      expect(failure.message).not.toContain('first-bearer');
    }
    expect(seen).toHaveLength(1);
    verdict = 200;
    writeFileSync(bearerFile, 'fresh-bearer');
    await expect(get()).resolves.toBeDefined();
  });

  it('that was refused is asked for again when the file was only touched, or after ten seconds', async () => {
    const { get, seen, bearerFile, clock } = await brokerWith(answering(401, {}));
    await get().catch(() => {});
    utimesSync(bearerFile, 5, 5);
    await get().catch(() => {});
    expect(seen).toHaveLength(2);
    await clock.advance(9_999);
    await get().catch(() => {});
    expect(seen).toHaveLength(2);
    await clock.advance(1);
    await get().catch(() => {});
    expect(seen).toHaveLength(3);
  });

  it("one caller's refusal says nothing about another's", async () => {
    const { getAs } = await brokerWith((request, response) =>
      answering(request.headers.authorization === 'Bearer good' ? 200 : 401, good)(request, response),
    );
    await expect(getAs('bad')).rejects.toMatchObject({ code: 'BrokerRefused' });
    await expect(getAs('good')).resolves.toBeDefined();
  });

  it.each([
    [429, { error: 'rate_limited', message: 'x' }, '429 rate_limited'],
    [500, 'boom', '500'],
    [502, { error: 'backend_unreachable' }, '502 backend_unreachable'],
    [503, { error: 'A token: eyJ' }, /503$/],
    [404, '', '404'],
    [200, '<html>', 'without {jwt, wallet, expiration}'],
    [200, '', 'without {jwt'],
    [200, [], 'without {jwt'],
    [200, { jwt: 1, wallet: WALLET }, 'without {jwt'],
    [200, { jwt: good.jwt }, 'without {jwt'],
    [200, `{"jwt":"a","jwt":"b","wallet":"${WALLET}"}`, 'without {jwt'],
    [200, { ...good, pad: 'x'.repeat(30_000) }, 'more than'],
    [302, '', 'redirect'],
  ])('is asked for again after %d %j', async (status, body, message) => {
    const { get, seen } = await brokerWith(answering(status, body));
    const failure = await get().catch(error => error);
    expect(failure).toMatchObject({ code: 'BrokerUnavailable', transient: true });
    expect(failure.message).toMatch(message);
    await get().catch(() => {});
    expect(seen).toHaveLength(2);
  });

  it('is asked for again after the network failed or the broker never answered', async () => {
    let asked = () => {};
    const arrived = new Promise<void>(resolve => {
      asked = resolve;
    });
    const { get, getFrom, clock } = await brokerWith(() => asked());
    await expect(getFrom('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'BrokerUnavailable' });
    const slow = get().catch(error => error);
    await arrived;
    await clock.advance(5_000);
    expect(await slow).toMatchObject({ code: 'BrokerUnavailable' });
  });

  it('is never asked for over http beyond loopback', async () => {
    const { getFrom } = await brokerWith(answering(200, good));
    await expect(getFrom('http://broker.example.com')).rejects.toThrow('allow_insecure_http');
  });

  it("is refused when it is for another wallet, in the answer or in the token's claims", async () => {
    const other = { ...good, wallet: OTHER };
    await expect((await brokerWith(answering(200, other))).get()).rejects.toMatchObject({ claim: 'wallet' });
    const upper = { ...good, wallet: WALLET.toUpperCase() };
    await expect((await brokerWith(answering(200, upper))).get()).rejects.toMatchObject({ claim: 'wallet' });
    const lying = { ...good, jwt: jwtOf(claims({ [TAGS]: { principal_tags: { [TAG]: [OTHER] } } })) };
    await expect((await brokerWith(answering(200, lying))).get()).rejects.toMatchObject({ claim: TAG });
    const bare = { ...good, jwt: jwtOf(claims({ [TAGS]: undefined })) };
    await expect((await brokerWith(answering(200, bare))).get()).rejects.toMatchObject({ claim: TAGS });
  });

  it('waits for a bearer file that is missing, empty or no bearer, naming it', async () => {
    const { get, bearerFile, seen } = await brokerWith(answering(200, good));
    for (const content of ['', '\n', 'two words', 'a\nb', 'ü']) {
      writeFileSync(bearerFile, content);
      await expect(get()).rejects.toMatchObject({ code: 'CredentialsUninitialized', transient: true });
    }
    rmSync(bearerFile);
    await expect(get()).rejects.toThrow(`bearer_file ${bearerFile}: no such file`);
    expect(seen).toHaveLength(0);
  });
});
