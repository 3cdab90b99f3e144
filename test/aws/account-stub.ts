/**
 * As much of an AWS account as the printed commands ask for, on loopback: STS, IAM and S3's bucket policies, with the
 * answers that AWS's API references show. It says no where AWS would: a second thing of one name, a document that isn't JSON,
 * a thumbprint that is none.
 *
 * @module
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AccountStub {
  readonly url: string;
  readonly account: string;
  /** Client ids by the provider's ARN. */
  readonly providers: Map<string, Set<string>>;
  /** By name. */
  readonly roles: Map<string, { trust: string; maxSession: number; path: string; policies: Map<string, string> }>;
  /** By bucket; undefined where it has none. */
  readonly buckets: Map<string, string | undefined>;
  /** Actions that change something, in their order. */
  readonly changes: string[];
  close(): Promise<void>;
}

class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function accountStub(account: string, buckets: readonly string[]): Promise<AccountStub> {
  const stub: Omit<AccountStub, 'url' | 'close'> = {
    account,
    providers: new Map(),
    roles: new Map(),
    buckets: new Map(buckets.map(name => [name, undefined])),
    changes: [],
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const reply = (status: number, type: string, text: string) =>
      void response.writeHead(status, { 'Content-Type': type }).end(text);
    try {
      if (request.method === 'POST') return reply(200, 'text/xml', query(stub, new URLSearchParams(body)));
      const text = bucketPolicy(stub, request, body);
      reply(text === '' ? 204 : 200, 'application/json', text);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const inner = `<Code>${error.code}</Code><Message>${error.message}</Message>`;
      if (request.method === 'POST')
        return reply(
          error.status,
          'text/xml',
          `<ErrorResponse><Error><Type>Sender</Type>${inner}</Error></ErrorResponse>`,
        );
      reply(error.status, 'application/xml', `<Error>${inner}</Error>`);
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  return { ...stub, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

type State = Omit<AccountStub, 'url' | 'close'>;

/** IAM's and STS's Query API. */
function query(stub: State, form: URLSearchParams): string {
  const action = form.get('Action') ?? '';
  const of = (name: string): string => {
    const value = form.get(name);
    if (value === null) throw new Refused(400, 'ValidationError', `${name} is missing`);
    return value;
  };
  const answer = (inner = '') => `<${action}Response><${action}Result>${inner}</${action}Result></${action}Response>`;
  const role = () =>
    stub.roles.get(of('RoleName')) ??
    fail(new Refused(404, 'NoSuchEntity', `The role ${of('RoleName')} cannot be found.`));
  const provider = () =>
    stub.providers.get(of('OpenIDConnectProviderArn')) ?? fail(new Refused(404, 'NoSuchEntity', 'no such provider'));
  if (!/^Get/.test(action)) stub.changes.push(action);
  switch (action) {
    case 'GetCallerIdentity':
      return answer(
        `<Arn>arn:aws:iam::${stub.account}:user/admin</Arn><UserId>AIDA</UserId><Account>${stub.account}</Account>`,
      );
    case 'GetOpenIDConnectProvider':
      return answer(`<Url>x</Url><ClientIDList>${members(provider())}</ClientIDList>`);
    case 'CreateOpenIDConnectProvider': {
      const arn = `arn:aws:iam::${stub.account}:oidc-provider/${of('Url').replace('https://', '')}`;
      if (stub.providers.has(arn)) throw new Refused(409, 'EntityAlreadyExists');
      const thumbprint = form.get('ThumbprintList.member.1');
      if (thumbprint !== null && !/^[0-9a-f]{40}$/i.test(thumbprint)) throw new Refused(400, 'InvalidInput');
      stub.providers.set(arn, new Set([of('ClientIDList.member.1')]));
      return answer(`<OpenIDConnectProviderArn>${arn}</OpenIDConnectProviderArn>`);
    }
    case 'AddClientIDToOpenIDConnectProvider':
      provider().add(of('ClientID'));
      return answer();
    case 'GetRole':
      return answer(`<Role>${roleXml(stub, of('RoleName'), role())}</Role>`);
    case 'CreateRole': {
      if (stub.roles.has(of('RoleName'))) throw new Refused(409, 'EntityAlreadyExists');
      const made = {
        trust: json(of('AssumeRolePolicyDocument')),
        maxSession: Number(of('MaxSessionDuration')),
        path: of('Path'),
        policies: new Map<string, string>(),
      };
      stub.roles.set(of('RoleName'), made);
      return answer(`<Role>${roleXml(stub, of('RoleName'), made)}</Role>`);
    }
    case 'UpdateAssumeRolePolicy':
      role().trust = json(of('PolicyDocument'));
      return answer();
    case 'UpdateRole':
      role().maxSession = Number(of('MaxSessionDuration'));
      return answer();
    case 'UntagRole':
      of('TagKeys.member.1');
      role();
      return answer();
    case 'PutRolePolicy':
      role().policies.set(of('PolicyName'), json(of('PolicyDocument')));
      return answer();
    default:
      throw new Refused(400, 'InvalidAction', `Could not find operation ${action}`);
  }
}

/** `GET` and `PUT /bucket?policy`. */
function bucketPolicy(stub: State, request: IncomingMessage, body: string): string {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
  const bucket = pathname.replace(/^\/|\/$/g, '');
  if (!searchParams.has('policy')) throw new Refused(501, 'NotImplemented');
  if (!stub.buckets.has(bucket)) throw new Refused(404, 'NoSuchBucket', 'The specified bucket does not exist');
  if (request.method === 'PUT') {
    stub.changes.push('PutBucketPolicy');
    stub.buckets.set(bucket, json(body));
    return '';
  }
  return stub.buckets.get(bucket) ?? fail(new Refused(404, 'NoSuchBucketPolicy', 'The bucket policy does not exist'));
}

function roleXml(
  stub: State,
  name: string,
  { trust, maxSession, path }: { trust: string; maxSession: number; path: string },
) {
  return `<RoleName>${name}</RoleName><RoleId>AROA</RoleId><Path>${path}</Path><Arn>arn:aws:iam::${stub.account}:role${path}${name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>${encodeURIComponent(trust)}</AssumeRolePolicyDocument><MaxSessionDuration>${maxSession}</MaxSessionDuration>`;
}

const members = (values: Iterable<string>) => [...values].map(value => `<member>${value}</member>`).join('');

function json(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new Refused(400, 'MalformedPolicyDocument');
  }
}

function fail(error: Refused): never {
  throw error;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
