// Who am I, asked with the default chain of the AWS SDK for JavaScript, v2.
//   node sdk-v2.mjs FOLDER_OF_THE_CLIENTS
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/package.json`);
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
const AWS = require('aws-sdk');
// v2 knows no AWS_ENDPOINT_URL_STS.
const sts = new AWS.STS({ endpoint: process.env.AWS_ENDPOINT_URL_STS });
const { Arn } = await sts.getCallerIdentity().promise();
console.log(Arn);
