/**
 * STS in a process of its own: the emulator, and the issuer's documents that it fetches.
 *
 * @module
 */
import { createServer } from 'node:http';
import { startStsEmulator, walletTrustPolicy } from '../../dist/index.js';

let sts;
process.on('message', async message => {
  if (message === 'calls') return void process.send({ calls: sts.calls.length });
  const { issuerPort, documents, role } = message;
  const issuer = `http://127.0.0.1:${issuerPort}`;
  createServer((request, response) => {
    const body = documents[request.url];
    response.writeHead(body === undefined ? 404 : 200, { 'Content-Type': 'application/json' }).end(body);
  }).listen(issuerPort, '127.0.0.1');
  sts = await startStsEmulator({
    issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
    roles: [
      { arn: role, trustPolicy: walletTrustPolicy({ accountId: '000000000000', issuer }), maxSessionDuration: 43_200 },
    ],
  });
  process.send({ url: sts.url });
});
