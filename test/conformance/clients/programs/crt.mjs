// Who am I, signed by the default chain of aws-crt (aws-c-auth, in C) and sent by fetch.
//   node crt.mjs FOLDER_OF_THE_CLIENTS
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/package.json`);
const { auth, http } = require('aws-crt');
const url = new URL(process.env.AWS_ENDPOINT_URL_STS);
const body = 'Action=GetCallerIdentity&Version=2011-06-15';
const headers = new http.HttpHeaders([
  ['host', url.host],
  ['content-type', 'application/x-www-form-urlencoded'],
]);
const signed = await auth.aws_sign_request(new http.HttpRequest('POST', '/', headers), {
  algorithm: auth.AwsSigningAlgorithm.SigV4,
  signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
  provider: auth.AwsCredentialsProvider.newDefault(),
  region: process.env.AWS_REGION,
  service: 'sts',
  date: new Date(),
  signed_body_value: createHash('sha256').update(body).digest('hex'),
});
const answer = await fetch(url, { method: 'POST', headers: Object.fromEntries(signed.headers), body });
const text = await answer.text();
const arn = /<Arn>([^<]+)</.exec(text)?.[1];
if (arn === undefined) throw new Error(text);
console.log(arn);
process.exit(0);
