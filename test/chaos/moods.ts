/**
 * The ways in which an STS, or a network before it, goes wrong.
 *
 * @module
 */
import type { Asked, Mood } from './sts.ts';

/** What any server may do instead of answering. */
export type Failure = (on: Pick<Asked, 'request' | 'response' | 'socket'>) => void;

const error =
  (status: number, code: string, message = 'no'): Mood =>
  refused =>
    void refused.response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );

const body =
  (status: number, text: string, type = 'text/html'): Failure =>
  asked =>
    void asked.response.writeHead(status, { 'content-type': type }).end(text);

/** A good answer, but for what `change` does to its text. */
const changed =
  (change: (xml: string, asked: Asked) => string): Mood =>
  asked =>
    void asked.response.setHeader('content-type', 'text/xml').end(change(asked.xml(asked.issue()), asked));

/** Bytes past node's own writer. */
const raw =
  (text: string): Failure =>
  ({ socket }) =>
    void socket.end(text);

const STRANGER = '0xffffffffffffffffffffffffffffffffffffffff';

/** Of any server, by name: errors, bytes that are no answer, and none at all. */
export const FAILURES: Readonly<Record<string, Failure>> = {
  'throttles with 429': body(429, ''),
  'answers 500 without a body': body(500, ''),
  'answers 502 with HTML': body(502, '<html><body>Bad Gateway</body></html>'),
  'answers 504': body(504, ''),
  'hangs before the header': () => undefined,
  'hangs after the header': ({ response }) => void response.writeHead(200).write('<Assume'),
  'sends a byte a second': ({ response }) => {
    const timer = setInterval(() => response.write('<'), 1_000);
    response.on('close', () => clearInterval(timer));
  },
  'resets the connection': ({ socket }) => void socket.resetAndDestroy(),
  'closes the connection': ({ socket }) => void socket.destroy(),
  'answers 200 with HTML': body(200, '<html>Log in to the wireless network</html>'),
  'answers 200 with JSON': body(200, '{"Credentials":{"AccessKeyId":"A"}}', 'application/json'),
  'answers 200 with nothing': body(200, ''),
  'answers without end': ({ response }) => {
    const more = () => {
      if (!response.destroyed && response.write('<a>'.repeat(20_000))) setImmediate(more);
    };
    response.on('drain', more).on('error', () => undefined);
    more();
  },
  'redirects to itself': ({ response, request }) =>
    void response.writeHead(302, { location: `http://${request.headers.host}/` }).end(),
  'redirects with 307': ({ response }) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
  'speaks no HTTP': raw('220 smtp.example.com ESMTP\r\n'),
  'answers 1xx alone': raw('HTTP/1.1 102 Processing\r\n\r\n'),
  'claims gzip': ({ response }) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
};

/** Of STS. None of them may lead to an answer with credentials. */
export const MOODS: Readonly<Record<string, Mood>> = {
  ...FAILURES,
  throttles: error(400, 'Throttling', 'Rate exceeded'),
  'throttles with 503': error(503, 'RequestLimitExceeded'),
  'answers 503 ServiceUnavailable': error(503, 'ServiceUnavailable'),
  "can't reach the issuer": error(400, 'IDPCommunicationError'),
  'refuses: AccessDenied': error(403, 'AccessDenied'),
  'refuses: ExpiredTokenException': error(400, 'ExpiredTokenException'),
  'refuses: InvalidIdentityToken': error(400, 'InvalidIdentityToken'),
  'refuses: unknown code': error(400, 'SomethingNew'),
  'resets within the body': asked => {
    asked.response.writeHead(200, { 'content-length': '5000' }).write(asked.xml(asked.issue()).slice(0, 400));
    setImmediate(() => asked.socket.resetAndDestroy());
  },
  'ends the body early': asked => {
    asked.response.writeHead(200, { 'content-length': '5000' }).write(asked.xml(asked.issue()));
    setImmediate(() => asked.socket.end());
  },
  'answers half of the XML': changed(xml => xml.slice(0, xml.length / 2)),
  'names another role': changed(xml => xml.replace(':assumed-role/data/', ':assumed-role/admin/')),
  "answers with another's session": ({ response, issue, xml }) => {
    const { session } = issue();
    response.end(xml(issue({ wallet: STRANGER, session: `other-${session}` })));
  },
  "answers with another's subject": ({ response, issue, xml }) =>
    void response.end(xml(issue({ wallet: STRANGER, subject: `agentkeys:agent:${STRANGER}` }))),
  'gives what has expired': ({ response, issue, xml }) =>
    void response.end(xml(issue({ expiration: Date.now() - 60_000 }))),
  'gives an unreadable expiration': changed(xml => xml.replace(/<Expiration>[^<]*/, '<Expiration>soon')),
  'leaves the secret out': changed(xml => xml.replace(/<SecretAccessKey>.*<\/SecretAccessKey>/, '')),
  'gives a token of 100 KB': changed(xml => xml.replace('token-of-', 'x'.repeat(100_000))),
  'sends an XML bomb': changed(
    xml =>
      `<!DOCTYPE a [<!ENTITY b "${'c'.repeat(1_000)}"><!ENTITY d "${'&b;'.repeat(1_000)}">]>${xml.replace('token-of-', '&d;')}`,
  ),
};
