#!/usr/bin/env bash
# Ends what up.sh started in the folder $1, by the process ids written there, and removes the folder.
set -uo pipefail
dir=${1:?usage: down.sh DIR}
[ -e "$dir/ceph.conf" ] || exit 0
for name in rgw osd mon; do
  pid=$(cat "$dir/$name.pid" 2>/dev/null) || continue
  # Only if that process is still the daemon that was started: its command line names this folder.
  case "$( { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null)" in
    *"$dir/ceph.conf"*)
      kill "$pid"
      for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
      # It holds nothing but this folder: after 5 s there is no reason to be polite.
      kill -0 "$pid" 2>/dev/null && kill -9 "$pid" ;;
  esac
done
rm -rf --one-file-system -- "$dir"
