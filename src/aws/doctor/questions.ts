/**
 * The questions of isolation: may a wallet's session, or one without a wallet, do this to that.
 *
 * @module
 */
import type { Concern, PolicyRequest } from '../iam/evaluate.ts';
import type { Statement } from '../iam/policy.ts';
import type { Place, Plan, Role, Session } from '../plan.ts';
import AWS from './aws-actions.json' with { type: 'json' };

export interface Question {
  /** `0x… s3:GetObject bots/0xdeadbeef/object`, for sentences. */
  readonly says: string;
  readonly request: PolicyRequest;
  /** Whether a yes opens another wallet's data, or a way to it. Otherwise it is merely more than is needed. */
  readonly grave: boolean;
}

/** Who asks: a workload's session, or one whose token had no wallet. */
export type Asker = Session | undefined;

const LISTINGS = AWS.s3.bucket.list.filter(name => name.startsWith('ListBucket'));
const FOREIGN = '0xdeadbeef';

/** So many wallets are asked about pairwise, and so many at most by someone else. */
const FEW = 6;
const MOST = 200;

interface Scene {
  readonly plan: Plan;
  readonly role: Role;
  readonly place: Place;
  /** What stands behind a wallet's folder in the keys to ask about; see {@link tailsOf}. */
  readonly tails?: readonly string[];
}

/** Keys as the statements' own resources have them: `0x…/public/x` where one names such a folder in every wallet's. At most a few. */
export function tailsOf(statements: readonly Statement[], { prefix }: Place): readonly string[] {
  const depth = prefix.split('/').length + 1;
  const tails = statements
    .flatMap(({ resources = [] }) => resources)
    .map(text => text.split('/').slice(depth).join('/').replace(/[*?]/g, 'x'))
    .filter(tail => tail !== '' && tail !== 'x' && !tail.includes('${'));
  return ['object', ...new Set(tails)].slice(0, 6);
}

/** What every workload must be able to do. */
export function ownQuestions(scene: Scene, session: Session): Question[] {
  const own = `${scene.place.prefix}${session.wallet}/`;
  return [
    onObject(scene, session, 'GetObject', `${own}object`, false),
    listing(scene, session, 'ListBucket', own),
    listing(scene, session, 'ListBucket', `${own}below/`),
  ];
}

/** What none may: S3's actions, each on what it acts on, outside the own folder. */
export function foreignQuestions(scene: Scene, asker: Asker): Question[] {
  const { place, plan } = scene;
  const folders = [FOREIGN, `${asker?.wallet ?? `0x${'0'.repeat(40)}`}0`, ...othersOf(plan, asker)];
  const prefixes = folders.map(folder => `${place.prefix}${folder}/`);
  const { object, bucket } = AWS.s3;
  // Ceph has none of S3's other actions on a bucket.
  const known = (action: string) => plan.dialect === 'aws' || /^(Get|Put|Delete|List)/.test(action);
  return [
    ...prefixes.flatMap(prefix => [
      ...Object.values(object)
        .flat()
        .flatMap(action =>
          (scene.tails ?? ['object']).map(tail => onObject(scene, asker, action, `${prefix}${tail}`, true)),
        ),
      ...LISTINGS.map(action => listing(scene, asker, action, prefix)),
    ]),
    ...[...new Set([undefined, '', place.prefix])].flatMap(prefix =>
      LISTINGS.map(action => listing(scene, asker, action, prefix)),
    ),
    ...[...bucket.write, ...bucket.permissions].filter(known).map(action => onBucket(scene, asker, action, true)),
    ...[...bucket.read, ...bucket.list]
      .filter(action => known(action) && !LISTINGS.includes(action))
      .map(action => onBucket(scene, asker, action, false)),
    ...(asker === undefined
      ? []
      : object.permissions.map(action =>
          onObject(scene, asker, action, `${place.prefix}${asker.wallet}/object`, false),
        )),
  ];
}

/** Of few wallets every other; of many the next two in their order, and all of them where the asker is none of them. */
function othersOf({ wallets }: Plan, asker: Asker): readonly string[] {
  const at = wallets.indexOf(asker?.wallet ?? '');
  if (at < 0) return wallets.slice(0, MOST);
  if (wallets.length <= FEW) return wallets.filter(wallet => wallet !== asker?.wallet);
  return [1, 2].flatMap(step => wallets[(at + step) % wallets.length] ?? []);
}

/** One question of an action that isn't about the bucket: of another service, or of S3's account-wide ones. */
export function questionOn(scene: Scene, asker: Asker, action: string, resource: string, grave: boolean): Question {
  return {
    says: `${nameOf(asker)} ${action} on ${resource}`,
    request: { ...requestOf(scene, asker, `s3:x`, resource, []), action },
    grave,
  };
}

function onObject(scene: Scene, asker: Asker, action: string, key: string, grave: boolean): Question {
  const says = `${nameOf(asker)} s3:${action} ${key}`;
  return { says, grave, request: requestOf(scene, asker, `s3:${action}`, `${bucketArn(scene)}/${key}`, []) };
}

/** @param prefix undefined for a listing without one */
function listing(scene: Scene, asker: Asker, action: string, prefix: string | undefined): Question {
  const whole = prefix === '' ? 'the empty prefix of' : 'the whole bucket';
  const at = prefix === undefined || prefix === '' ? `${whole} ${scene.place.bucket}` : prefix;
  const context = prefix === undefined ? [] : [['s3:prefix', [prefix]] as const];
  return {
    says: `${nameOf(asker)} s3:${action} ${at}`,
    grave: true,
    request: requestOf(scene, asker, `s3:${action}`, bucketArn(scene), context),
  };
}

function onBucket(scene: Scene, asker: Asker, action: string, grave: boolean): Question {
  const says = `${nameOf(asker)} s3:${action} bucket ${scene.place.bucket}`;
  return { says, grave, request: requestOf(scene, asker, `s3:${action}`, bucketArn(scene), []) };
}

function nameOf(asker: Asker): string {
  return asker?.wallet ?? 'a session without a wallet';
}

function bucketArn({ plan, place }: Scene): string {
  return `arn:${plan.partition}:s3:::${place.bucket}`;
}

function requestOf(
  { plan, role }: Scene,
  asker: Asker,
  action: string,
  resource: string,
  more: readonly (readonly [string, readonly string[]])[],
): PolicyRequest {
  const walletKey = `aws:principaltag/${plan.walletTag}`.toLowerCase();
  const tags = Object.entries(asker?.tags ?? {}).map(
    ([tag, value]) => [`aws:principaltag/${tag}`.toLowerCase(), [value]] as const,
  );
  return {
    action,
    resource,
    context: new Map([...tags, ...more, ['aws:principalarn', [role.arn]]]),
    // The wallet's tag and the prefix are there or not. Everything else a session may have: other tags come from the role,
    // claims from the issuer, headers and addresses from the holder of the credentials.
    unknown: key => key !== walletKey && key !== 's3:prefix',
    principal: (kind, value) => concernOf(plan, role, asker, kind, value),
  };
}

/** How a principal of a bucket's policy concerns a session of the role. */
function concernOf(plan: Plan, role: Role, asker: Asker, kind: string, value: string): Concern {
  if (kind === '*' || (kind === 'AWS' && value === '*')) return 'role';
  if (kind === 'Federated') return role.providers.some(p => p.arn === value) ? 'unknown' : undefined;
  if (kind !== 'AWS') return undefined;
  const { arn, account, name, partition } = role;
  if (value === arn) return 'role';
  const sessions = `arn:${partition}:sts::${account}:assumed-role/${name}/`;
  // A session's name is whatever the holder of a token asks for; walletcreds asks for <wallet>@<workload>.
  if (value.startsWith(sessions)) return asker?.name === value.slice(sessions.length) ? 'session' : 'unknown';
  const whole = account !== '' && (value === account || value === `arn:${plan.partition}:iam::${account}:root`);
  return whole ? 'account' : undefined;
}
