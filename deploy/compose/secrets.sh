#!/bin/sh
# Makes the secrets of this deployment, each once: what is there already stays. The folder is for its owner alone; the files
# in it can be read in the containers, whose users are others.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
for name in redis-password instance-key admin-key provision-smart-meter grafana-password; do
  [ -s "secrets/$name" ] && continue
  head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"secrets/$name.new"
  chmod 644 "secrets/$name.new"
  mv "secrets/$name.new" "secrets/$name"
  echo "made secrets/$name"
done
