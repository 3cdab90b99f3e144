// What the default chain of the AWS SDK for JavaScript, v3, finds. No argument but the environment; prints the access key's id.
import { STSClient } from '@aws-sdk/client-sts';

const { accessKeyId, sessionToken } = await new STSClient({}).config.credentials();
if (!sessionToken) throw new Error('no session');
console.log(accessKeyId);
