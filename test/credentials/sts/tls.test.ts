/** The exchange over TLS: which authorities are trusted, and what can't talk it out of the check. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createExchange } from '../../../src/credentials/sts/create-exchange.ts';
import { selfSignedCertificate } from '../../../src/identity-token/keys/certificate.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { workload } from '../../support/workload.ts';
import { identityToken, silent, stsConfig } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'walletcreds-tls-'));
const file = (name: string) => join(dir, name);
let server: Server;
let url = '';
let asked = 0;

beforeAll(async () => {
  // Without further names in it, node compares the host with the common name.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(file('key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(file('cert'), selfSignedCertificate(privateKey, 'localhost', Date.now()));
  server = createServer({ key: readFileSync(file('key')), cert: readFileSync(file('cert')) }, (_, response) => {
    asked++;
    response.writeHead(503).end();
  });
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  asked = 0;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

async function failure(caFile?: string): Promise<Error> {
  const sts = stsConfig(url, caFile === undefined ? {} : { caFile });
  const exchange = createExchange({ sts, region: 'us-east-1', clock: systemClock, log: silent });
  try {
    return await exchange.exchange(workload(), identityToken()).then(
      () => new Error('credentials'),
      (error: Error) => error,
    );
  } finally {
    exchange.close();
  }
}

test('an STS whose certificate is signed by no known CA never sees the token, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  expect(await failure()).toMatchObject({ code: 'StsUnavailable', message: expect.stringContaining('CERT') });
  expect(asked).toBe(0);
});

test('the authorities of ca_file are enough', async () => {
  expect(await failure(file('cert'))).toMatchObject({ message: expect.stringContaining('answers 503') });
  expect(asked).toBe(1);
});

test('a CA file whose content changes counts from the next exchange on, without a restart', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(file('ca'), selfSignedCertificate(privateKey, 'another', Date.now()));
  const sts = stsConfig(url, { caFile: file('ca') });
  const exchange = createExchange({ sts, region: 'us-east-1', clock: systemClock, log: silent });
  const failed = () => exchange.exchange(workload(), identityToken()).catch((error: Error) => error);
  try {
    expect(await failed()).toMatchObject({ message: expect.stringContaining('CERT') });
    writeFileSync(file('ca'), 'not a certificate');
    expect(await failed()).toMatchObject({ code: 'StsUnavailable', message: expect.stringContaining('sts.ca_file') });
    writeFileSync(file('ca'), readFileSync(file('cert')));
    expect(await failed()).toMatchObject({ message: expect.stringContaining('answers 503') });
    expect(asked).toBe(1);
  } finally {
    exchange.close();
  }
});
