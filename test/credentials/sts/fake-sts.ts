/**
 * A small STS, written from AWS's documented wire contract (a form in, XML out) and from what Ceph was seen to answer,
 * not from our code. Each test says how it answers.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface StsRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

export type Answer = (request: StsRequest, response: ServerResponse) => void;

export interface FakeSts {
  readonly url: string;
  readonly requests: StsRequest[];
  answer: Answer;
  readonly server: Server;
  close(): Promise<void>;
}

export async function fakeSts(answer: Answer = granted()): Promise<FakeSts> {
  const requests: StsRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      const seen = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        form: new URLSearchParams(Buffer.concat(chunks).toString('utf8')),
      };
      requests.push(seen);
      fake.answer(seen, response);
    });
  });
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const fake: FakeSts = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer,
    server,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
  return fake;
}

export interface Grant {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  readonly expiration?: string;
  readonly arn?: string | null;
  readonly subject?: string | null;
  readonly date?: string;
  readonly contentType?: string;
  /** Elements to leave out of Credentials. */
  readonly without?: readonly string[];
}

/** The example answer of the API reference, with the request's own role and session in it. */
export function grantedXml(request: StsRequest, grant: Grant = {}): string {
  const session = request.form.get('RoleSessionName') ?? '';
  const role = (request.form.get('RoleArn') ?? '').split('/').at(-1) ?? '';
  const account = (request.form.get('RoleArn') ?? '').split(':')[4] ?? '';
  const arn = grant.arn === undefined ? `arn:aws:sts::${account}:assumed-role/${role}/${session}` : grant.arn;
  const subject = grant.subject === undefined ? null : grant.subject;
  const fields: [string, string][] = [
    ['SessionToken', grant.sessionToken ?? 'AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE=='],
    ['SecretAccessKey', grant.secretAccessKey ?? 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY'],
    ['Expiration', grant.expiration ?? new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '')],
    ['AccessKeyId', grant.accessKeyId ?? 'ASIAIOSFODNN7EXAMPLE'],
  ];
  const credentials = fields
    .filter(([name]) => !(grant.without ?? []).includes(name))
    .map(([name, value]) => `      <${name}>${value}</${name}>`)
    .join('\n');
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
${subject === null ? '' : `    <SubjectFromWebIdentityToken>${subject}</SubjectFromWebIdentityToken>`}
    <Audience>sts.amazonaws.com</Audience>
${arn === null ? '' : `    <AssumedRoleUser><Arn>${arn}</Arn><AssumedRoleId>AROACLKWSDQRAOEXAMPLE:${session}</AssumedRoleId></AssumedRoleUser>`}
    <Credentials>
${credentials}
    </Credentials>
    <Provider>arn:aws:iam::${account}:oidc-provider/oidc.example.com</Provider>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`;
}

export function granted(grant: Grant = {}): Answer {
  return (request, response) => {
    response.writeHead(200, {
      'content-type': grant.contentType ?? 'text/xml',
      'x-amzn-requestid': 'ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE',
      ...(grant.date === undefined ? {} : { date: grant.date }),
    });
    response.end(grantedXml(request, grant));
  };
}

/** AWS's error document. */
export function refused(status: number, code: string, message = 'because'): Answer {
  return (_, response) => {
    response.writeHead(status, {
      'content-type': 'text/xml',
      'x-amzn-requestid': 'c6104cbe-af31-11e0-8154-cbc7ccf896c7',
    });
    response.end(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>${code}</Code>
    <Message>${message}</Message>
  </Error>
  <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
</ErrorResponse>`);
  };
}

/** Ceph's: S3's error document, on one line. */
export function refusedByCeph(status: number, code: string): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml', 'x-amz-request-id': 'tx00000b-0065-default' });
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><RequestId>tx00000b-0065-default</RequestId><HostId>1-default</HostId></Error>`,
    );
  };
}

export function raw(status: number, contentType: string, body: string | Buffer): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': contentType });
    response.end(body);
  };
}
