/**
 * Rows about the query protocol, below any action.
 *
 * @module
 */
import type { Row } from '../sts-table.ts';
import { bad, denied, ok } from './answers.ts';
import { NOT_STS, QUERY_SYNTAX, VERSION } from './because.ts';

const params = (given: Record<string, string | undefined>) => ({ params: given });

export const queryRows: readonly Row[] = [
  {
    name: 'GET, with the parameters in the query',
    ask: { method: 'GET' },
    emulator: ok,
    ceph: { status: 200, code: 'no credentials' },
    because: 'AWS: the query protocol is GET or POST [query requests]. At Ceph a GET is S3’s list of buckets.',
  },
  {
    name: 'no Action',
    ask: params({ Action: undefined }),
    emulator: bad('MissingAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'an unknown Action',
    ask: params({ Action: 'AssumeRoleWithMagic' }),
    emulator: bad('InvalidAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'an Action in lower case',
    ask: params({ Action: 'assumerolewithwebidentity' }),
    emulator: bad('InvalidAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'no Version',
    ask: params({ Version: undefined }),
    emulator: bad('InvalidAction'),
    ceph: ok,
    because: VERSION,
  },
  {
    name: 'the Version of another service',
    ask: params({ Version: '2010-05-08' }),
    emulator: bad('InvalidAction'),
    ceph: ok,
    because: VERSION,
  },
  { name: 'AssumeRole, unsigned', ask: params({ Action: 'AssumeRole' }), emulator: denied, ceph: denied },
  {
    name: 'GetCallerIdentity, unsigned',
    ask: params({ Action: 'GetCallerIdentity' }),
    emulator: { status: 403, code: 'MissingAuthenticationToken' },
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because:
      'AWS: `MissingAuthenticationToken`, 403 [CommonErrors]. Ceph 16 has no GetCallerIdentity: an S3 request, which has no POST there.',
  },
  {
    name: 'bad percent encoding',
    ask: { form: f => `${f}&Extra=%zz` },
    emulator: { status: 404, code: 'MalformedQueryString' },
    ceph: ok,
    because: QUERY_SYNTAX,
  },
  {
    name: 'bad UTF-8',
    ask: { form: f => `${f}&Extra=%ff` },
    emulator: { status: 404, code: 'MalformedQueryString' },
    ceph: ok,
    because: QUERY_SYNTAX,
  },
  {
    name: 'a parameter twice',
    ask: { form: f => `${f}&RoleSessionName=other` },
    emulator: { status: 404, code: 'MalformedQueryString' },
    ceph: ok,
    because: QUERY_SYNTAX,
  },
  { name: 'a parameter that nobody knows', ask: params({ Extra: '1' }), emulator: ok, ceph: ok },
  {
    name: 'a form announced as XML',
    ask: { contentType: 'text/xml' },
    emulator: bad('MissingAction'),
    ceph: ok,
    because:
      'AWS: the parameters of a POST are a form, `application/x-www-form-urlencoded` [query requests]. Ceph reads any body.',
  },
  {
    name: 'a form without a Content-Type',
    ask: { contentType: null },
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'a form of more than 128 KiB',
    ask: { form: f => `${f}&Extra=${'x'.repeat(140_000)}` },
    emulator: { status: 413, code: 'RequestEntityTooLarge' },
    ceph: ok,
    because:
      'AWS: a limit is not documented, nor its code [CommonErrors]; this one is the emulator’s own. Ceph has none here.',
  },
  {
    name: 'XML instead of a form',
    ask: { form: () => '<AssumeRoleWithWebIdentity/>' },
    emulator: bad('MissingAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'half a SOAP envelope',
    ask: { form: () => '<Envelope><Body>', contentType: 'text/xml' },
    emulator: bad('MissingAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'JSON instead of a form',
    ask: { form: () => '{"Action":"AssumeRoleWithWebIdentity"}', contentType: 'application/json' },
    emulator: bad('MissingAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
  {
    name: 'nothing at all',
    ask: { form: () => '' },
    emulator: bad('MissingAction'),
    ceph: { status: 405, code: 'MethodNotAllowed' },
    because: NOT_STS,
  },
];
