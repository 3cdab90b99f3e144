// Lists the buckets with minio-js, credentials from its IAM provider.
//   node minio.mjs FOLDER_OF_THE_CLIENTS URL_OF_S3
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/package.json`);
const { Client, IamAwsProvider } = require('minio');
const url = new URL(process.argv[3]);
const client = new Client({
  endPoint: url.hostname,
  port: Number(url.port),
  useSSL: false,
  region: process.env.AWS_REGION,
  credentialsProvider: new IamAwsProvider({}),
});
console.log(JSON.stringify(await client.listBuckets()));
