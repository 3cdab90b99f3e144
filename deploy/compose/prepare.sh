#!/bin/sh
# What the recipes beside this file read: a signing key, an id for the RELATIVE_URI, a CA and a certificate for https; and
# the issuer's two documents in public/, for the place that ISSUER in .env points to.
# Makes what isn't there, replaces nothing but those documents. Wants docker (or WALLETCREDS=… for another way to run it) and openssl.
#
# The containers run under uids of their own, so the files are readable by all; the folder around them is not, and that is
# what keeps other users of this machine out.
set -eu
umask 077
cd "$(dirname "$0")"
chmod 700 .

if [ ! -e .env ]; then
  cat >.env <<'ENV'
# Of your account; docs/aws.md says how to set it up.
AWS_REGION=us-east-1
ROLE_ARN=arn:aws:iam::123456789012:role/agentkeys-data-role
# The https URL that serves what prepare.sh writes to public/; run it again after a change here.
ISSUER=https://oidc.example.com
# In lower case, since apps build their prefix with it.
WALLET_A=0x52908400098527886e0f7030069857d2e4169ee7
WALLET_B=0xde709f2102306220921060314715629080e2fb77
# For own-sts.yml alone.
OWN_STS=http://ceph:8000
ENV
  echo 'wrote .env: put your role, issuer and wallets there'
fi

set -a
. ./.env
set +a
walletcreds() {
  if [ -n "${WALLETCREDS:-}" ]; then
    $WALLETCREDS "$@"
  else
    docker run --rm --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" --env-file .env \
      --volume "$PWD:$PWD" walletcreds "$@"
  fi
}

mkdir -p -m 755 keys secrets tls public
if [ -z "$(ls keys)" ]; then
  walletcreds keys generate --certificate --dir "$PWD/keys"
fi
chmod 600 keys/*.json
walletcreds keys jwks --config "$PWD/config/bridge.yaml" --dir "$PWD/keys" --out "$PWD/public"
chmod 644 keys/*.json

if [ ! -e secrets/scraper-a.id ]; then
  openssl rand -hex 32 | tr -d '\n' >secrets/scraper-a.id
  # Compose reads this one itself; the container sees the variable alone.
  printf 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/%s\n' "$(cat secrets/scraper-a.id)" >secrets/scraper-a.env
  chmod 644 secrets/scraper-a.id
fi

if [ ! -e tls/tls.crt ]; then
  # The CA's key is used once and forgotten: for another certificate, remove tls/ and run this again.
  ca=$(mktemp)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj '/CN=walletcreds CA' \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' \
    -keyout "$ca" -out tls/ca.pem 2>/dev/null
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=walletcreds.internal' \
    -keyout tls/tls.key -out tls/tls.csr 2>/dev/null
  printf 'subjectAltName=DNS:walletcreds.internal\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n' >tls/ext
  openssl x509 -req -in tls/tls.csr -CA tls/ca.pem -CAkey "$ca" -CAcreateserial -days 825 -extfile tls/ext \
    -out tls/tls.crt 2>/dev/null
  rm -f "$ca" tls/tls.csr tls/ext tls/ca.srl
  chmod 644 tls/ca.pem tls/tls.crt tls/tls.key
fi
