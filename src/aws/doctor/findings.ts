/**
 * Everything that `doctor` can find, by its stable code: how bad, why it breaks, how to fix it.
 *
 * @module
 */
import { ENVIRONMENT, type Entry, error, warning } from './findings-environment.ts';

export const FINDINGS = {
  // --- the configuration and what it points to
  'config-invalid': error('serve does not start with it.', 'Fix the line that is named.'),
  'config-placeholder': error(
    'The template that init writes has this value: it is no account of yours, and nobody serves that issuer.',
    'Write your own: role_arn with your account, and the issuer that is registered there.',
  ),
  'config-warning': warning('serve starts, and says this at every start.', 'Fix it, or accept it.'),
  'session-short': warning(
    'Below 15 minutes left the older SDKs ask again at every API call, and sessions under 30 minutes spend most of their life there.',
    'Set session_duration: 1h, or at least 30m.',
  ),
  'keys-unusable': error(
    'No identity token can be signed, so nobody gets credentials.',
    'Fix the file, or make a key: walletcreds keys generate.',
  ),
  'token-unreadable': error(
    'No identity token can be had, so nobody gets credentials.',
    'Mount the token, or fix identity_token.file.path.',
  ),
  'token-untagged': error(
    'Without the tags claim the session has no wallet: its own prefix and every other are denied.',
    'Let the issuer put the wallet into https://aws.amazon.com/tags, or give the workload a session_policy_file.',
  ),
  'wallet-case': error(
    'S3 keys and tags are compared letter by letter: a wallet in mixed case never matches the lower-case folder.',
    'Write the wallet in lower case everywhere: in the tag, in policies, in the keys.',
  ),
  // --- the issuer, as STS sees it
  'issuer-form': error(
    'IAM refuses such a provider, or compares the URL byte for byte and finds it different.',
    'Use https://HOST[/path] without port and query, the same in the configuration and at IAM, where AWS can fetch it.',
  ),
  'issuer-unreachable': error(
    'STS fetches discovery and keys from there: it answers InvalidIdentityToken or IDPCommunicationError.',
    'Serve the .well-known files there: the broker listener does, and walletcreds keys jwks --out DIR writes them for a bucket or a CDN.',
  ),
  'issuer-redirect': error(
    'STS does not follow redirects.',
    'Serve the documents at the issuer itself, or register the URL that they are really served at.',
  ),
  'issuer-not-json': error(
    'STS reads JSON there and nothing else.',
    'Serve the document that walletcreds keys jwks --out DIR writes.',
  ),
  'issuer-mismatch': error(
    'STS wants the issuer in discovery equal to the registered URL and to iss, byte for byte: InvalidIdentityToken.',
    'Make the three equal: identity_token, the provider at IAM, the discovery document. Mind scheme and trailing slash.',
  ),
  'jwks-key-missing': error(
    'STS finds no key for the kid of the token: InvalidIdentityToken.',
    'Publish the current JWKS (walletcreds keys jwks --out DIR), and wait for its cache to run out.',
  ),
  'jwks-key-unusable': error(
    'STS takes a key for signatures only where use, alg and key_ops allow it: InvalidIdentityToken.',
    'Publish the current JWKS: walletcreds keys jwks --out DIR.',
  ),
  'jwks-too-many': error(
    'STS takes 100 RSA and 100 EC keys of an issuer, and none of a longer list: InvalidIdentityToken.',
    'Remove the keys whose tokens have all expired.',
  ),
  'jwks-private': error(
    'A private key is published: a reader of it can be any wallet.',
    'Take it down now, walletcreds keys revoke KID, make a new key.',
  ),
  'jwks-for-ceph': warning(
    'Ceph RGW reads only the first key, and only with x5c.',
    'Make the key with walletcreds keys generate --certificate, and publish the signing key first.',
  ),
  'exchange-failed': error(
    'Workloads get the same answer from STS, through the endpoint, and no credentials.',
    'Fix what the message names; the other findings and docs/symptoms.md say what each error of STS means.',
  ),
  'clock-skew': error(
    'STS checks iat and exp by its own clock: fresh tokens are expired, or not valid yet.',
    "Set this machine's clock: enable NTP.",
  ),
  'sts-unreachable': error('No exchange can work.', 'Fix sts.endpoint, the network, or sts.ca_file.'),
  'sts-not-sts': error(
    'Something else, such as a proxy or a login page, stands where STS should be.',
    'Point sts.endpoint to STS: https://sts.REGION.amazonaws.com, or leave it out.',
  ),
  // --- documents
  'policy-unreadable': error('It cannot be checked.', 'Give a readable file.'),
  'policy-too-large': error(
    'IAM takes 2,048 characters of trust policy by default and 10,240 of inline policies, S3 20 KB.',
    'Give the policy itself, not a log or an archive.',
  ),
  'policy-bom': warning(
    'Sent with the byte order mark (file://…), IAM answers MalformedPolicyDocument.',
    'Save the file as UTF-8 without BOM.',
  ),
  'policy-not-json': error('IAM answers MalformedPolicyDocument.', 'Print a good one with walletcreds aws-setup.'),
  'policy-malformed': error(
    'IAM answers MalformedPolicyDocument.',
    'Compare it with what walletcreds aws-setup prints.',
  ),
  'policy-key-case': error(
    'IAM documents its elements in exactly one spelling; another is MalformedPolicyDocument.',
    'Write the element as shown.',
  ),
  'policy-operator-unknown': error(
    'IAM knows no such condition operator: MalformedPolicyDocument.',
    "Use one of IAM's operators (StringEquals, StringLike, Null, …).",
  ),
  'policy-size': error(
    'IAM and S3 count characters without white space: a trust policy has 2,048 unless the quota is raised (8,192 at most), inline policies of a role 10,240 together, a bucket policy 20,480.',
    'Make it shorter: fewer providers, wallets or statements in one document.',
  ),
  'policy-version': error(
    'Before version 2012-10-17 policy variables such as ${aws:PrincipalTag/…} are plain text.',
    'Write "Version": "2012-10-17".',
  ),
  // --- the trust policy
  'trust-provider': error(
    'STS answers AccessDenied: nobody who comes with a token of this issuer is trusted.',
    'Name the provider of this issuer as Federated principal, as walletcreds aws-setup prints it.',
  ),
  'trust-tag-session': error(
    'As soon as the token carries tags, STS answers AccessDenied without it.',
    'Add sts:TagSession beside sts:AssumeRoleWithWebIdentity.',
  ),
  'trust-string-not-equals': error(
    'StringNotEquals "" is true when the tag is missing, so an untagged session is possible.',
    'Demand the tag: "Null": {"aws:RequestTag/<tag>": "false"}.',
  ),
  'trust-untagged': error(
    'A token without a wallet can become the role.',
    'Demand the tag: "Null": {"aws:RequestTag/<tag>": "false"}.',
  ),
  'trust-two-principals': error(
    'A session of the other principal carries no wallet: an untagged session is possible.',
    'Leave the OIDC provider as the only principal.',
  ),
  'trust-moving': warning(
    'The move from an old broker is not finished: sessions of its principal carry no wallet.',
    'Once nothing uses the principal, run what walletcreds aws-setup prints without --keep-principal.',
  ),
  'trust-audience': error(
    'STS answers AccessDenied: the token is made for another audience.',
    'Make the :aud condition equal to identity_token.…audience.',
  ),
  'trust-audience-open': warning(
    'A token that the same issuer made for another purpose can become the role.',
    'Add StringEquals <issuer>:aud.',
  ),
  'trust-condition-key': error(
    'The key names another issuer, so the condition is never met: AccessDenied.',
    'Write the key as the issuer without scheme, then :aud or :sub.',
  ),
  'trust-own-refused': error(
    'STS answers AccessDenied to this workload.',
    'Compare the conditions with what walletcreds aws-setup prints.',
  ),
  'trust-wallet-form': warning(
    'Any text can be the wallet, a wildcard included.',
    'Add "StringLike": {"aws:RequestTag/<tag>": "0x????????????????????????????????????????"}.',
  ),
  'trust-null-on-ceph': error(
    'Ceph takes Null "false" for "true": it refuses every tagged token.',
    'Use StringLike "0x*" there: walletcreds aws-setup --dialect ceph.',
  ),
  // --- the role's and the bucket's policy
  'role-broad': error(
    'The grant silently defeats the isolation: own and foreign prefix both open.',
    'Remove it from the role. What walletcreds aws-setup prints is all it needs.',
  ),
  'grant-extra': warning(
    'A workload needs to list its own folder and to use its own objects, and nothing else.',
    'Remove the grant, unless you know who needs it.',
  ),
  'role-own-denied': error('The workload cannot reach its own folder.', 'Grant what walletcreds aws-setup prints.'),
  'role-prefix-on-objects': error(
    's3:prefix exists only on ListBucket: with objects in the same statement IAM answers MalformedPolicy, or Get is never allowed.',
    'Make two statements, one for s3:ListBucket with s3:prefix, one for the objects by Resource.',
  ),
  'role-prefix-equals': error(
    'StringEquals on s3:prefix blocks every prefix below the own folder.',
    'Use StringLike "<wallet>/*".',
  ),
  'role-other-tag': error(
    'The policy asks for another tag than the tokens carry: everything is denied.',
    'Use ${aws:PrincipalTag/<wallet_tag>} with the wallet_tag of the configuration.',
  ),
  'role-tagged': error(
    "A role's tags count as its sessions' tags: an untagged session gets that wallet.",
    'Remove the tag from the role: aws iam untag-role.',
  ),
  'role-negated': warning(
    'An Allow by NotAction or NotResource grants whatever AWS adds next.',
    'List what is granted.',
  ),
  'bucket-own-denied': error(
    'An explicit Deny wins: the workload cannot reach its own folder.',
    'Compare the Deny with what walletcreds aws-setup prints.',
  ),
  'bucket-broad': error("The bucket itself opens other wallets' folders.", 'Remove the statement.'),
  'bucket-no-deny': warning(
    'Isolation hangs on the role alone: one broad grant on it later opens everything.',
    'Add the Deny statements that walletcreds aws-setup prints.',
  ),
  'bucket-untagged': warning(
    'A session without the tag is not refused by the bucket; a Deny with an unresolved variable can be void.',
    'Add the Deny with Null in a statement of its own, as walletcreds aws-setup prints it.',
  ),
  'bucket-stale-principal': error(
    'The role was deleted and made again: IAM shows the old one by its id, and the statement no longer applies.',
    "Put the policy again, with the role's ARN.",
  ),
  // --- the account
  'account-credentials': error(
    'IAM cannot be read without credentials of an administrator.',
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN) for this command alone.',
  ),
  'account-refused': error('Unread documents cannot be checked.', 'Use credentials that may iam:Get* and iam:List*.'),
  'account-unreachable': error(
    'IAM did not answer, so nothing of the account was checked.',
    'Check the network, the name and the proxy; AWS_ENDPOINT_URL_IAM and AWS_ENDPOINT_URL lead elsewhere.',
  ),
  'account-boundary': error(
    "A permissions boundary limits the role to what it allows: the workload's own folder is AccessDenied.",
    'Add the S3 actions of the role to the boundary, or take the boundary off.',
  ),
  'account-bucket': warning(
    'Whether the bucket refuses what a broad grant on the role would open cannot be said.',
    'Use credentials that may s3:GetBucketPolicy, or give the policy with --bucket-policy FILE.',
  ),
  'account-missing': error('The exchange cannot work.', 'Run what walletcreds aws-setup prints.'),
  'account-session-long': error(
    "STS answers ValidationError: DurationSeconds exceeds the role's MaxSessionDuration.",
    'Raise MaxSessionDuration, or lower session_duration.',
  ),
  ...ENVIRONMENT,
} as const satisfies Record<string, Entry>;

export type FindingCode = keyof typeof FINDINGS;
