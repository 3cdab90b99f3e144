// Says who it is. Nothing in here knows walletcreds: the SDK's own chain of providers finds the endpoint by the
// AWS_CONTAINER_* variables, as it would on ECS.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const { Account, Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
console.log(JSON.stringify({ account: Account, arn: Arn, wallet: /0x[0-9a-f]{40}/.exec(Arn ?? '')?.[0] }));
