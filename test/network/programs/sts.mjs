// The STS emulator on every address of its namespace: for walletcreds on loopback, for the apps over the network.
// argv: port, role ARN, issuer, folder with the issuer's static documents ('' to fetch them from the issuer itself).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startStsEmulator } from '/app/dist/index.js';

const [port, role, issuer, documents] = process.argv.slice(2);
const accountId = role.split(':')[4];
const host = issuer.replace(/^https?:\/\//, '');
const fromFolder = async url =>
  new Response(readFileSync(join(documents, new URL(url).pathname)), {
    headers: { 'content-type': 'application/json' },
  });
await startStsEmulator({
  port: Number(port),
  host: '0.0.0.0',
  accountId,
  issuers: [{ issuer, audiences: ['sts.amazonaws.com'] }],
  roles: [
    {
      arn: role,
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: `arn:aws:iam::${accountId}:oidc-provider/${host}` },
            Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
            Condition: {
              StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com' },
              Null: { 'aws:RequestTag/agentkeys_user_wallet': 'false' },
            },
          },
        ],
      },
    },
  ],
  ...(documents === '' ? {} : { fetchIssuer: fromFolder }),
});
console.log('listening');
