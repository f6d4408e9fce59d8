#!/bin/sh
# Makes the secret that the brokers read, once, with values of its own. Say where Redis is:
#   REDIS_URL=rediss://gridmoor:password@redis.internal:6379 ./secret.example.sh
# Keep a copy of the instance key in a safe place: without it the data in Redis is of no use.
set -eu
: "${REDIS_URL:?set REDIS_URL}"
key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
# By standard input: a command line is readable for every user of this machine.
kubectl --namespace gridmoor create -f - <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: gridmoor
stringData:
  redis-url: "$REDIS_URL"
  instance-key: "$(key)"
  admin-key: "$(key)"
  provision-smart-meter: "$(key)"
YAML
