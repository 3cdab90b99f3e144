/**
 * The credentials that this emulator has handed out: random, known to this process alone, gone when it ends.
 *
 * @module
 */
import { randomBytes, randomInt } from 'node:crypto';

/** The session of an access key. The secrets are kept apart, so that a test may print a session. */
export interface EmulatedSession {
  readonly accessKeyId: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** `arn:<partition>:sts::<account>:assumed-role/<role>/<session name>` */
  readonly assumedRoleArn: string;
  /** `AROA…:<session name>`; `UserId` at GetCallerIdentity. */
  readonly assumedRoleId: string;
  readonly accountId: string;
  /** `aws:PrincipalTag/*`: the role's tags, overlaid by the session's. */
  readonly principalTags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  /** `sub` and `iss` of the token, and the audience that was matched. */
  readonly subject: string;
  readonly issuer: string;
  readonly audience: string;
  readonly sourceIdentity: string | undefined;
  /** The inline session policy, as it was sent. */
  readonly policy: string | undefined;
  /** ms since the epoch, whole seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface SessionSecrets {
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface SessionStore {
  /** By access-key id. */
  readonly sessions: ReadonlyMap<string, EmulatedSession>;
  issue(parts: Omit<EmulatedSession, 'accessKeyId'>): { session: EmulatedSession; secrets: SessionSecrets };
  secretsOf(accessKeyId: string): SessionSecrets | undefined;
}

/** How long an expired session is remembered, so that its holder hears `ExpiredToken` and not `InvalidClientTokenId`. */
const REMEMBERED_MS = 3_600_000;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An id as IAM makes them: a prefix that tells the kind, then random base 32. */
export function awsId(prefix: string, length: number): string {
  return prefix + Array.from({ length }, () => BASE32[randomInt(32)]).join('');
}

export function createSessionStore(): SessionStore {
  const sessions = new Map<string, EmulatedSession>();
  const secretsById = new Map<string, SessionSecrets>();
  return {
    sessions,
    issue(parts) {
      // Oldest first: a development server that runs for weeks must not keep every session it ever made.
      for (const [id, old] of sessions) {
        if (old.expiresAt + REMEMBERED_MS > parts.issuedAt) break;
        sessions.delete(id);
        secretsById.delete(id);
      }
      const session = Object.freeze({ ...parts, accessKeyId: awsId('ASIA', 16) });
      const secrets = {
        secretAccessKey: randomBytes(30).toString('base64'),
        sessionToken: randomBytes(360).toString('base64'),
      };
      sessions.set(session.accessKeyId, session);
      secretsById.set(session.accessKeyId, secrets);
      return { session, secrets };
    },
    secretsOf: accessKeyId => secretsById.get(accessKeyId),
  };
}
