/**
 * Rows about session tags: where they stand in the token, what they may look like, and `sts:TagSession`.
 *
 * @module
 */
import type { Row } from '../sts-table.ts';
import { TAG, TAGS, WALLET } from '../sts-world.ts';
import { bad, denied, invalid, invalidToken, ok } from './answers.ts';
import { TAG_LIMITS, TAG_SHAPE } from './because.ts';

const tags = (principal_tags: unknown, transitive_tag_keys: unknown = undefined) => ({
  claims: () => ({ [TAGS]: { principal_tags, transitive_tag_keys } }),
});
const flat = `${TAGS}/principal_tags`;
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, ['v']]));

export const tagRows: readonly Row[] = [
  { name: 'no tags', ask: { claims: () => ({ [TAGS]: undefined }) }, emulator: ok, ceph: ok },
  { name: 'a value as a list of one', ask: tags({ [TAG]: [WALLET] }), emulator: ok, ceph: ok },
  { name: 'a value as a string', ask: tags({ [TAG]: WALLET }), emulator: ok, ceph: ok },
  {
    name: 'flattened claims, for a role that wants the tag',
    ask: { role: 'wanting a wallet tag', claims: () => ({ [TAGS]: undefined, [`${flat}/${TAG}`]: WALLET }) },
    emulator: ok,
    ceph: denied,
    because:
      'AWS: one claim a tag is the other form of the same [session tags]. Ceph does not know it, and sees no tag.',
  },
  {
    name: 'tags, for a role without sts:TagSession',
    ask: { role: 'without sts:TagSession' },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'no tags, for a role without sts:TagSession',
    ask: { role: 'without sts:TagSession', claims: () => ({ [TAGS]: undefined }) },
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'flattened tags, for a role without sts:TagSession',
    ask: { role: 'without sts:TagSession', claims: () => ({ [TAGS]: undefined, [`${flat}/${TAG}`]: WALLET }) },
    emulator: denied,
    ceph: ok,
    because: 'AWS: any tag needs `sts:TagSession`, in either form [session tags]. Ceph does not see these.',
  },
  {
    name: 'two values for one key',
    ask: tags({ [TAG]: [WALLET, 'b'] }),
    emulator: invalidToken,
    ceph: ok,
    because: TAG_SHAPE,
  },
  {
    name: 'a key twice but for case',
    ask: tags({ w: ['a'], W: ['b'] }),
    emulator: bad('InvalidParameterValue'),
    ceph: ok,
    because:
      'AWS: keys are equal without regard to case; there cannot be a `W` beside a `w` [session tags]. Ceph keeps both.',
  },
  {
    name: 'the key in mixed case, for a role that wants the tag',
    ask: { role: 'wanting a wallet tag', ...tags({ AgentKeys_User_Wallet: [WALLET] }) },
    emulator: ok,
    ceph: denied,
    because: 'AWS: keys are equal without regard to case [session tags]. Ceph compares them letter by letter.',
  },
  {
    name: 'a value in mixed case, for a role that wants that of the wallet',
    ask: { role: 'with a Deny for the wallet', ...tags({ [TAG]: [WALLET.replace('e', 'E')] }) },
    emulator: ok,
    ceph: ok,
  },
  { name: 'an empty value', ask: tags({ more: [''] }), emulator: ok, ceph: ok },
  {
    name: 'tags that are a string',
    ask: tags(`${TAG}=${WALLET}`),
    emulator: invalidToken,
    ceph: ok,
    because: TAG_SHAPE,
  },
  {
    name: 'an empty list as value',
    ask: tags({ [TAG]: [] }),
    emulator: invalidToken,
    ceph: ok,
    because: TAG_SHAPE,
  },
  { name: 'fifty tags', ask: tags(many(50)), emulator: ok, ceph: ok },
  { name: 'fifty-one tags', ask: tags(many(51)), emulator: invalid, ceph: ok, because: TAG_LIMITS },
  {
    name: 'a key of 129 characters',
    ask: tags({ ['k'.repeat(129)]: ['v'] }),
    emulator: invalid,
    ceph: ok,
    because: TAG_LIMITS,
  },
  {
    name: 'a value of 257 characters',
    ask: tags({ k: ['v'.repeat(257)] }),
    emulator: invalid,
    ceph: ok,
    because: TAG_LIMITS,
  },
  { name: 'a star in the value', ask: tags({ [TAG]: ['0x*'] }), emulator: invalid, ceph: ok, because: TAG_LIMITS },
  {
    name: 'a key that begins with aws:',
    ask: tags({ 'aws:wallet': ['v'] }),
    emulator: invalid,
    ceph: ok,
    because: 'AWS: the prefix `aws:` is reserved [tagging]. Ceph takes it.',
  },
  {
    name: 'tags as a list of objects',
    ask: tags([{ [TAG]: WALLET }]),
    emulator: invalidToken,
    ceph: ok,
    because: TAG_SHAPE,
  },
  { name: 'a number as value', ask: tags({ [TAG]: 7 }), emulator: invalidToken, ceph: ok, because: TAG_SHAPE },
  { name: 'a transitive key among the tags', ask: tags({ [TAG]: [WALLET] }, [TAG]), emulator: ok, ceph: ok },
  {
    name: 'a transitive key that is no tag',
    ask: tags({ [TAG]: [WALLET] }, ['other']),
    emulator: bad('InvalidParameterValue'),
    ceph: ok,
    because:
      'AWS: transitive keys name tags of the same request [session tags]. In Ceph the list becomes a tag of its own.',
  },
];
