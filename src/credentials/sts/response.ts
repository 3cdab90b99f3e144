/**
 * STS's answer → {@link Credentials}, or an error. A response that is incomplete, expired or for another session is
 * never vended.
 *
 * @module
 */

import type { IdentityToken } from '../../identity-token/identity-token.ts';
import type { Clock } from '../../lib/clock.ts';
import { isoSeconds } from '../../lib/time/iso.ts';
import type { Workload } from '../../workload/workload.ts';
import { type Credentials, lifeLeft } from '../credentials.ts';
import type { StsAnswer } from './client.ts';
import { unavailable } from './unavailable.ts';

const DAY = 86_400_000;

/** The request, with which the response is compared. */
export interface Asked {
  readonly workload: Workload;
  readonly token: IdentityToken;
  readonly sessionName: string;
  /** Monotonic time before the question was sent. */
  readonly monotonic: number;
}

/** @throws StsUnavailable naming what is missing or wrong */
export function credentialsOf(answer: StsAnswer, asked: Asked, clock: Clock): Credentials {
  const { output, requestId } = answer;
  const wrong = (what: string) => unavailable(`STS's answer can't be vended: ${what}`, { requestId });
  const given = output.Credentials;
  if (given === undefined) throw wrong('no Credentials in it');
  const text = (name: 'AccessKeyId' | 'SecretAccessKey' | 'SessionToken'): string => {
    const value: unknown = given[name];
    if (typeof value !== 'string' || value === '') throw wrong(`no ${name} in it`);
    // Only what an HTTP header and every client can carry; STS's own alphabet is far smaller.
    if (!/^[\x21-\x7e]+$/.test(value)) throw wrong(`${name} has characters that no credential has`);
    return detached(value);
  };
  const expiration = given.Expiration instanceof Date ? given.Expiration.getTime() : Number.NaN;
  if (!Number.isFinite(expiration)) throw wrong('no usable Expiration in it');
  ours(answer, asked, wrong);

  const receivedAt = clock.wall();
  const dated = answer.date === undefined ? Number.NaN : Date.parse(answer.date);
  const stsDate = Number.isFinite(dated) ? dated : receivedAt;
  const lasting = asked.workload.sessionDuration * 1_000;
  if (expiration - Math.max(stsDate, receivedAt) > lasting + DAY) {
    throw wrong(`it lasts until ${isoSeconds(expiration)}, far longer than was asked for`);
  }
  const credentials: Credentials = {
    accessKeyId: text('AccessKeyId'),
    secretAccessKey: text('SecretAccessKey'),
    sessionToken: text('SessionToken'),
    expiration,
    roleArn: asked.workload.role.arn,
    accountId: asked.workload.role.account,
    sessionName: asked.sessionName,
    requestId,
    receivedAt,
    askedMonotonic: asked.monotonic,
    // A Date that makes them live longer than was asked for is a proxy's, or of a broken clock.
    stsDate: Math.max(stsDate, expiration - lasting),
  };
  if (lifeLeft(credentials, clock) <= 0) {
    const ahead = Math.round((receivedAt - credentials.stsDate) / 1000);
    const skew = ahead > 60 ? `; this machine's clock is ${ahead} s ahead of STS's, set it right` : '';
    throw wrong(`it had expired already (Expiration ${isoSeconds(expiration)})${skew}`);
  }
  return credentials;
}

/** The answer must name the role, the session and the subject that were sent: anything else is somebody else's session. */
function ours({ output }: StsAnswer, { workload, token, sessionName }: Asked, wrong: (what: string) => Error): void {
  const arn = output.AssumedRoleUser?.Arn;
  if (arn === undefined || arn === '') throw wrong('no AssumedRoleUser in it');
  const { partition, account, path, name } = workload.role;
  // AWS leaves the role's path out; Ceph keeps it and has no account.
  const possible = [account, ''].flatMap(owner =>
    ['/', path].map(at => `arn:${partition}:sts::${owner}:assumed-role${at}${name}/${sessionName}`),
  );
  if (!possible.includes(arn)) {
    throw wrong(`AssumedRoleUser is ${arn}, not a session ${sessionName} of ${workload.role.arn}`);
  }
  const subject = output.SubjectFromWebIdentityToken;
  if (subject !== undefined && subject !== '' && subject !== token.subject) {
    throw wrong(`SubjectFromWebIdentityToken is ${JSON.stringify(subject)}, not the identity token's sub`);
  }
}

/** A copy of its own: V8's substrings keep the whole response alive, for as long as the credentials are held. */
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
