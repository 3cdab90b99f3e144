#!/bin/sh
# Compose 2 of the next Debian suite, unpacked into a folder and not installed. Argument: the folder. Prints the program's path.
set -eu
folder=$1
program=$folder/unpacked/usr/libexec/docker/cli-plugins/docker-compose
if [ ! -x "$program" ]; then
  mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources | sed -n 1p)
  mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$folder/sources.list"
  apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$folder/state/lists" \
      -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root "$@" >&2
  }
  apt update
  (cd "$folder" && apt download docker-compose/trixie)
  dpkg -x "$folder"/docker-compose_*.deb "$folder/unpacked"
fi
echo "$program"
