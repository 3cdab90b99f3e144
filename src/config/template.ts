/**
 * The `walletcreds.yaml` that `walletcreds init` writes: it starts unchanged, and has every option as a comment.
 *
 * @module
 */

/** The account and the issuer that the template holds, which nobody has. */
export const TEMPLATE_ACCOUNT = '123456789012';
export const TEMPLATE_ISSUER = 'https://oidc.example.com';

/** The workload that the template holds. */
export const TEMPLATE_WORKLOAD = 'scraper-a';

export const TEMPLATE = `# walletcreds.yaml: starts unchanged. Change region, role_arn, issuer and wallet to yours.
# Any value may hold \${env:NAME}, \${env:NAME:-default} or \${file:PATH}; $\${ is a literal \${.
# Paths that are read are relative to this file, paths that are written to state_dir. Durations: 15m, 1h.
region: us-east-1
role_arn: arn:aws:iam::${TEMPLATE_ACCOUNT}:role/agentkeys-data-role
session_duration: 1h                       # 15m to 12h
wallet_tag: agentkeys_user_wallet          # the principal tag that policies match; the bare claim has the same name
state_dir: .                               # everything that is written goes here: audit log, generated tokens, JWKS copies
# egress_proxy: env                        # env: HTTPS_PROXY and NO_PROXY; or a URL; or none. The start-up log says which

endpoint:
  listen: [127.0.0.1:9110]                 # plain http; "[::1]:9110", "169.254.170.2:80"; anything else needs allow_remote: true
  # tls: { listen: ["0.0.0.0:9443"], cert_file: tls.crt, key_file: tls.key }    # https, re-read on change
  # extra_hosts: [creds.internal]          # further Host values, for the names on the certificate
  # allow_from: [10.42.0.0/16]             # source addresses that may connect at all; never an identity
  # token_overlap: 5m                      # how long a replaced token stays good; 0 allowed
  # max_connections: 1024                  # also under broker and admin

identity_token:                            # where the JWT for STS comes from: one of
  signer: { issuer: ${TEMPLATE_ISSUER}, keys_dir: keys, audience: sts.amazonaws.com, ttl: 5m }
  # broker: { url: https://broker.example.com, bearer_file: "bearers/{workload}", ca_file: ca.pem }   # read again at each use
  # broker: { url: https://broker.example.com, bearer: caller }     # forwards the JWT that the caller presented (callers.jwt only)
  # file: { path: /var/run/secrets/tokens/aws }    # a projected token, read again at each use

workloads:
  ${TEMPLATE_WORKLOAD}:
    wallet: "0x52908400098527886E0F7030069857D2E4169EE7"
    token_file: tokens/${TEMPLATE_WORKLOAD}           # what its SDK presents at the endpoint; generated if it is missing. Or token_env: NAME
    # token_mode: "0640"                   # for an app that runs under another uid; 0600 otherwise
    # token_group: 1000
    # bearer_file: bearers/${TEMPLATE_WORKLOAD}       # what it presents at the broker
    # relative_uri: { id_file: tokens/${TEMPLATE_WORKLOAD}.id, from: [169.254.170.0/24] }  # also answers /v2/credentials/<id>
    # tags: { team: ingest }               # further principal tags
    # prefetch: true                       # default: yes, for up to 64 workloads
    # role_arn: arn:aws:iam::123456789012:role/another      # as above, for this one alone; so are
    # session_duration: 1h                 # this,
    # identity_token: { file: { path: /var/run/secrets/tokens/aws } }     # and this
    # session_policy_file: policy.json     # a policy with \${wallet} in it, sent as the session policy
    # raw_jwt: true                        # may fetch a raw JWT in spite of a role or a session policy of its own

# callers:                                 # other ways to authenticate callers
#   jwt:
#     - issuer: https://kubernetes.default.svc.cluster.local
#       audience: walletcreds
#       listeners: [endpoint]
#       jwks: { ca_file: ca.pem, bearer_file: /var/run/secrets/kubernetes.io/serviceaccount/token }   # default: by discovery; or url, or file
#       subjects: { "system:serviceaccount:scrapers:scraper-a": ${TEMPLATE_WORKLOAD} }   # sub → workload; or
#       # wallet_claim: agentkeys.wallet_address            # a wallet that this issuer names,
#       # any_wallet: true                                  # any, or wallets: ["0x…"]
#       # node_name: "\${env:NODE_NAME}"                    # for a node agent: whose pods; or allow_any_node: true
#   session_backend: { url: https://backend.example.com, listeners: [broker], any_wallet: true, cache_ttl: 30s }

# sts: { endpoint: https://sts.us-east-1.amazonaws.com, ca_file: ca.pem, timeout: 5s }    # or dualstack: true, fips: true; default: AWS_ENDPOINT_URL_STS, else the region's; allow_insecure_http: true, as beside any URL
# broker: { listen: 127.0.0.1:8091, mint_aws_creds: true }    # mints JWTs and, the legacy way, credentials; tls: {…}, allow_remote: true
# admin: { listen: 127.0.0.1:9112, token_file: tokens/admin }    # health, metrics, status page; tls: {…}, allow_remote: true
# audit: { database: "file:audit.sqlite" }   # the default; or postgres://…, for several replicas; or stdout, a log line a row
`;
