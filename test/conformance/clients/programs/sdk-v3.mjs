// Who am I, asked with the default chain of the AWS SDK for JavaScript, v3. No argument but the environment.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const { Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
console.log(Arn);
