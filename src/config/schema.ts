/**
 * Every key of `walletcreds.yaml`; a key that isn't declared is an error. The sections declare theirs beside what they do.
 *
 * @module
 */
import type * as z from 'zod/mini';
import { always, key, named, section } from './keys.ts';
import * as s from './scalars.ts';
import { admin } from './sections/admin.ts';
import { audit } from './sections/audit.ts';
import { broker } from './sections/broker.ts';
import { callers } from './sections/callers.ts';
import { egressProxy } from './sections/egress-proxy.ts';
import { endpoint } from './sections/endpoint.ts';
import { identityToken } from './sections/identity-token.ts';
import { sessionDuration } from './sections/session-duration.ts';
import { sts } from './sections/sts.ts';
import { workload } from './sections/workloads.ts';

export const schema = section({
  region: key(s.region, {
    doc: 'The region whose STS is asked, and the region of the workloads.',
    required: 'the region whose STS is asked, such as us-east-1',
    example: 'us-east-1',
  }),
  role_arn: key(s.roleArn, {
    doc: 'The role that STS gives a session of. A workload may have its own.',
    example: 'arn:aws:iam::123456789012:role/agentkeys-data-role',
  }),
  session_duration: key(sessionDuration, { doc: 'How long credentials are good.', default: '1h' }),
  wallet_tag: key(s.walletTag, {
    doc: 'The principal tag that policies match. The bare claim of the JWT has the same name.',
    default: 'agentkeys_user_wallet',
  }),
  egress_proxy: egressProxy,
  state_dir: key(s.path, {
    doc: 'The folder for everything that is written: audit log, generated tokens, copies of JWKS.',
    default: '.',
  }),
  endpoint: always(endpoint, { doc: "The listener for the workloads' SDKs." }),
  identity_token: key(identityToken, {
    doc: 'Where the JWT for STS comes from: one of `signer`, `broker` and `file`.',
    required: 'say where the JWT for STS comes from: one of signer, broker and file',
  }),
  workloads: key(named(workload), { doc: 'The workloads by name.' }),
  callers: always(callers, { doc: 'Other ways to authenticate callers.' }),
  sts: always(sts, { doc: 'Which STS is called, and how.' }),
  broker: key(broker, { doc: 'The listener for sidecars, scrapers and CI.', otherwise: 'off' }),
  admin: always(admin, { doc: 'The listener for operators and probes.' }),
  audit: always(audit, { doc: 'Where the audit log is.' }),
  dev: key(s.flag, {
    doc: 'Written by `walletcreds dev` alone: its keys of purpose `dev` sign. `serve` refuses it.',
    default: 'false',
  }),
});

/** The configuration as written, each value parsed, defaults filled in; no file has been read yet. */
export type Draft = z.output<typeof schema>;
