#!/usr/bin/env bash
# The key that a factory puts on one device instead of the provision secret, as 64 hex digits.
#   PROVISION_SECRET=… ./device-key.sh meter-1
set -euo pipefail
printf 'TBP1-device\n%s' "$1" | openssl dgst -sha256 -hmac "${PROVISION_SECRET:?the provision secret}" -r | cut -d' ' -f1
