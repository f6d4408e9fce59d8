#!/usr/bin/env bash
# Signed provisioning with openssl and mosquitto. Prints the answer of the broker.
#   PROVISION_KEY=smart-meter PROVISION_SECRET=… ./provision.sh meter-1
# With DEVICE_KEY (64 hex digits, made in the factory) instead of PROVISION_SECRET, the device never holds the secret.
set -euo pipefail
name=$1
key=${PROVISION_KEY:?the provision key of the profile}
host=${MQTT_HOST:-127.0.0.1} port=${MQTT_PORT:-1883}
claims=${CLAIMS:-'{"credentialsType":"ACCESS_TOKEN"}'}
timestamp=${TIMESTAMP:-$(date +%s%3N)}
nonce=${NONCE:-$(openssl rand -hex 16)}

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
digest=$(printf %s "$claims" | openssl dgst -sha256 -r | cut -d' ' -f1)
mac=${DEVICE_KEY:-$(hex "${PROVISION_SECRET:?the secret, or DEVICE_KEY}")}
sign=$(printf 'TBP1\n%s\n%s\n%s\n%s\n%s' "$key" "$name" "$timestamp" "$nonce" "$digest" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$mac" -r | cut -d' ' -f1)

quoted=${claims//\\/\\\\} quoted=${quoted//\"/\\\"}
request=$(printf '{"provisionDeviceKey":"%s","deviceName":"%s","timestamp":%s,"nonce":"%s","claims":"%s","signMethod":"TBP1-HMAC-SHA256","sign":"%s"}' \
  "$key" "$name" "$timestamp" "$nonce" "$quoted" "$sign")
if [ -n "${DRY_RUN:-}" ]; then
  printf '%s\n' "$request"
else
  mosquitto_rr -h "$host" -p "$port" -u provision -q 1 -t /provision/request -e /provision/response -m "$request"
fi
