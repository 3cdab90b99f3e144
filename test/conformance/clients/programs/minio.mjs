// Gets credentials with the IAM provider of minio-js, and says which session they are of.
//   node minio.mjs FOLDER_OF_THE_CLIENTS
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/package.json`);
const { IamAwsProvider } = require('minio');
const credentials = await new IamAwsProvider({}).getCredentials();
console.log(credentials.getSessionToken());
