#!/usr/bin/env bash
# Brings up Ceph on loopback (one monitor, one OSD in memory, one RADOS Gateway): an STS, an IAM and an S3 that nobody on
# this project wrote.
#
#   up.sh DIR RGW_PORT MON_PORT
#
# Needs root, and Debian's ceph-mon, ceph-osd, radosgw and ceph-common, which it installs where they are missing. Prints
# the administrator's keys as KEY=value lines on stdout, everything else on stderr. Undo: down.sh DIR.
# Exit status: 0 up, 77 it can't be run here (said why on stderr), 1 it failed.
set -euo pipefail
dir=${1:?usage: up.sh DIR RGW_PORT MON_PORT} rgw_port=${2:?} mon_port=${3:?}
packages="ceph-mon ceph-osd radosgw ceph-common"
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
cannot() { printf 'Ceph cannot be brought up here: %s\n' "$*" >&2; exit 77; }
failed() { printf 'Ceph did not come up: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || cannot "it needs root"
if ! { command -v ceph-mon && command -v ceph-osd && command -v radosgw && command -v ceph; } >/dev/null; then
  command -v apt-get >/dev/null || cannot "neither Ceph nor apt-get is on this machine"
  echo "installing $packages" >&2
  # shellcheck disable=SC2086
  { apt-get update -q && apt-get install -qy --no-install-recommends $packages; } >&2 || cannot "apt-get cannot install $packages"
fi

mkdir -p "$dir/mon" "$dir/osd" "$dir/run"
finished=
trap '[ -n "$finished" ] || { tail -n 20 "$dir"/*.log >&2; "$(dirname "$0")/down.sh" "$dir"; }' EXIT

uuid() { cat /proc/sys/kernel/random/uuid; }
hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
fsid=$(uuid) osd_uuid=$(uuid)
cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = [v1:127.0.0.1:$mon_port]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
# Loopback, for the length of a test: no daemon has to prove itself to another.
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir/run
admin socket = $dir/run/\$name.asok
setuser match path =
log file =
log to file = false
log to stderr = true
err to stderr = true
mon cluster log to file = false
# One copy on one disk, and no complaint about it.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 500
[mon]
mon data = $dir/mon
mon data avail warn = 2
mon data avail crit = 1
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 1073741824
# Placed by hand below: at start it may ask before it knows the cluster, and exits then.
osd crush update on start = false
osd class update on start = false
osd class load list = *
osd class default list = *
[client]
debug rgw = 1
# It writes an answer in two pieces; with Nagle's algorithm the second waits 40 ms for the client's delayed ACK.
rgw frontends = beast endpoint=127.0.0.1:$rgw_port tcp_nodelay=1
rgw s3 auth use sts = true
# Exactly 16 characters, as AES wants them.
rgw sts key = $(hex 8)
rgw enable usage log = false
rgw enable ops log = false
CONF
conf=$dir/ceph.conf
ceph_cli() { ceph -c "$conf" --connect-timeout 20 "$@"; }
start() { # name, command
  local name=$1; shift
  # Off this script's stdout, which its caller reads to the end.
  "$@" >"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}
wait_for() { # seconds, what, command
  local left=$(($1 * 5)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1)); [ "$left" -gt 0 ] || failed "$what"
    sleep 0.2
  done
}

{
  monmaptool --create --fsid "$fsid" --addv lab "[v1:127.0.0.1:$mon_port]" "$dir/monmap"
  ceph-mon -c "$conf" --mkfs -i lab --monmap "$dir/monmap"
} >"$dir/mkfs.log" 2>&1
start mon ceph-mon -c "$conf" -f -i lab
wait_for 30 "the monitor" ceph_cli -s
{
  ceph_cli osd new "$osd_uuid"
  ceph_cli osd crush add osd.0 1.0 root=default host=lab
  ceph-osd -c "$conf" --mkfs -i 0 --osd-uuid "$osd_uuid"
} >>"$dir/mkfs.log" 2>&1
start osd ceph-osd -c "$conf" -f -i 0
osd_is_up() { ceph_cli osd stat 2>/dev/null | grep -q '1 up'; }
wait_for 30 "the OSD" osd_is_up
start rgw radosgw -c "$conf" -f -n client.rgw
rgw_listens() { (exec 3<>"/dev/tcp/127.0.0.1/$rgw_port"); }
wait_for 60 "the gateway" rgw_listens

access_key=ADMIN$(hex 6) secret_key=$(hex 20)
radosgw-admin -c "$conf" -n client.rgw user create --uid admin --display-name admin \
  --access-key "$access_key" --secret-key "$secret_key" \
  --caps 'roles=*;oidc-provider=*;user-policy=*' >"$dir/user.log" 2>&1
finished=1
printf 'ADMIN_ACCESS_KEY=%s\nADMIN_SECRET_KEY=%s\n' "$access_key" "$secret_key"
