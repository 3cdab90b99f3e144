/**
 * Exchanges over a network that fails.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExchange, type StsExchange } from '../../../src/credentials/sts/create-exchange.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { StsUnavailable } from '../../../src/lib/errors.ts';
import { workload } from '../../support/workload.ts';
import { type FakeSts, fakeSts, grantedXml } from './fake-sts.ts';
import { failureOf, identityToken, silent, stsConfig } from './support.ts';

let sts: FakeSts;
let exchange: StsExchange;

beforeEach(async () => {
  sts = await fakeSts();
  exchange = createExchange({ sts: stsConfig(sts.url), region: 'us-east-1', clock: systemClock, log: silent });
});
afterEach(async () => {
  exchange.close();
  await sts.close();
});

const call = (w = workload()) => exchange.exchange(w, identityToken());
const failure = (w = workload()) => failureOf(call(w));

describe('the network', () => {
  const impatient = () =>
    createExchange({
      sts: stsConfig(sts.url, { timeoutMs: 150 }),
      region: 'us-east-1',
      clock: systemClock,
      log: silent,
    });

  test('an STS that never answers is given up after the timeout', async () => {
    sts.answer = () => {};
    exchange = impatient();
    expect((await failure()).message).toContain('no answer within 0.15 s');
  });

  test('an STS that drips its answer is given up after the same timeout', async () => {
    sts.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/xml' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    };
    exchange = impatient();
    expect((await failure()).message).toContain('no answer within 0.15 s');
  });

  test('a reset, before and within the answer, is transient and says so', async () => {
    sts.answer = (_, response) => response.destroy();
    expect((await failure()).message).toMatch(/ECONNRESET/);
    sts.answer = (request, response) => {
      response.writeHead(200, { 'content-type': 'text/xml', 'content-length': 5_000 });
      response.write(grantedXml(request));
      setImmediate(() => response.destroy());
    };
    expect(await failure()).toBeInstanceOf(StsUnavailable);
  });

  test('nobody listening is transient and names the endpoint', async () => {
    const { url } = sts;
    await sts.close();
    expect((await failure()).message).toMatch(new RegExp(`${url}.*ECONNREFUSED`));
    sts = await fakeSts();
  });

  test.each([301, 302, 307, 308])('a redirect (%i) is an error and is not followed', async status => {
    const other = await fakeSts();
    sts.answer = (_, response) => response.writeHead(status, { location: other.url }).end();
    expect((await failure()).message).toContain('redirect');
    expect(other.requests).toHaveLength(0);
    await other.close();
  });

  test('an exchange that is called off ends at once', async () => {
    const controller = new AbortController();
    sts.answer = () => controller.abort();
    await expect(exchange.exchange(workload(), identityToken(), { signal: controller.signal })).rejects.toThrow(
      'called off',
    );
  });

  test('a CA file that can’t be read is named, and is tried again', async () => {
    exchange = createExchange({
      sts: stsConfig(sts.url, { caFile: '/nonexistent/ca.pem' }),
      region: 'us-east-1',
      clock: systemClock,
      log: silent,
    });
    expect((await failure()).message).toContain('/nonexistent/ca.pem');
    expect((await failure()).message).toContain('ENOENT');
  });
});
