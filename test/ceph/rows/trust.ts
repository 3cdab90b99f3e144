/**
 * Rows about the role: whom its trust policy lets in.
 *
 * @module
 */
import type { Row } from '../sts-table.ts';
import { TAG, TAGS } from '../sts-world.ts';
import { denied, ok } from './answers.ts';
import { NULL, VARIABLES } from './because.ts';

const untagged = { claims: () => ({ [TAGS]: undefined }) };
const otherwise = (value: string) => ({ claims: () => ({ [TAGS]: { principal_tags: { [TAG]: [value] } } }) });

export const trustRows: readonly Row[] = [
  {
    name: 'a role that is not there',
    ask: { form: form => form.replace('table-plain', 'table-nowhere') },
    emulator: denied,
    ceph: denied,
  },
  { name: 'a role of another provider', ask: { role: 'for another provider' }, emulator: denied, ceph: denied },
  {
    name: 'a role for sts:AssumeRole alone',
    ask: { role: 'with sts:AssumeRole alone' },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'a client id of the provider that the role does not name',
    ask: { role: 'for another audience' },
    emulator: denied,
    ceph: denied,
  },
  { name: 'StringLike on the tag, and the tag', ask: { role: 'wanting a wallet tag' }, emulator: ok, ceph: ok },
  {
    name: 'StringLike on the tag, and none',
    ask: { role: 'wanting a wallet tag', ...untagged },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'StringLike on the tag, and another value',
    ask: { role: 'wanting a wallet tag', ...otherwise('wallet') },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'Null "false" on the tag, and the tag',
    ask: { role: 'with Null false' },
    emulator: ok,
    ceph: denied,
    because: NULL,
  },
  {
    name: 'Null "false" on the tag, and none',
    ask: { role: 'with Null false', ...untagged },
    emulator: denied,
    ceph: ok,
    because: NULL,
  },
  {
    name: 'StringNotEquals "" on the tag, and none',
    ask: { role: 'with StringNotEquals empty', ...untagged },
    emulator: ok,
    ceph: denied,
    because:
      'AWS: a negated operator holds for a key that is missing, so this lets the untagged in [condition operators]. In Ceph it does not hold.',
  },
  {
    name: 'ForAllValues on aws:TagKeys, and just that key',
    ask: { role: 'listing the tag keys', ...otherwise('0xaa') },
    emulator: ok,
    ceph: ok,
  },
  {
    name: 'ForAllValues on aws:TagKeys, and a further key',
    ask: {
      role: 'listing the tag keys',
      claims: () => ({ [TAGS]: { principal_tags: { [TAG]: ['a'], more: ['b'] } } }),
    },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'ForAllValues on aws:TagKeys, and that key as a transitive one',
    ask: { role: 'listing the tag keys' },
    emulator: ok,
    ceph: denied,
    because:
      'AWS: `aws:TagKeys` holds the tags’ keys [condition keys]. Ceph makes a tag of `transitive_tag_keys`, to be listed too.',
  },
  {
    name: 'ForAllValues on aws:TagKeys, and no tags',
    ask: { role: 'listing the tag keys', ...untagged },
    emulator: ok,
    ceph: ok,
  },
  { name: 'a condition on sub that holds', ask: { role: 'wanting a subject' }, emulator: ok, ceph: ok },
  {
    name: 'a condition on sub that does not',
    ask: { role: 'wanting a subject', claims: () => ({ sub: 'agentkeys:agent:0xbb' }) },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'sub bound to the tag by a policy variable, and they agree',
    ask: { role: 'binding the subject to the tag' },
    emulator: ok,
    ceph: denied,
    because: VARIABLES,
  },
  {
    name: 'sub bound to the tag by a policy variable, and they differ',
    ask: { role: 'binding the subject to the tag', ...otherwise('0xbb') },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'sts:RoleSessionName that matches',
    ask: { role: 'wanting a session name' },
    emulator: ok,
    ceph: denied,
    because: 'AWS: the key is there in every role session [condition keys]. Ceph does not have it.',
  },
  {
    name: 'sts:RoleSessionName that does not',
    ask: { role: 'wanting a session name', params: { RoleSessionName: 'somebody' } },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'an Allow, and a Deny for this wallet',
    ask: { role: 'with a Deny for the wallet' },
    emulator: denied,
    ceph: denied,
  },
  {
    name: 'an Allow, and a Deny for another wallet',
    ask: { role: 'with a Deny for the wallet', ...otherwise('0xbb') },
    emulator: ok,
    ceph: ok,
  },
];
