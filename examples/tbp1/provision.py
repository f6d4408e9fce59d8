#!/usr/bin/env python3
"""Signed provisioning over HTTP with the standard library alone. Prints the answer of the broker.

PROVISION_KEY=smart-meter PROVISION_SECRET=... ./provision.py meter-1
With DEVICE_KEY (64 hex digits, made in the factory) instead of PROVISION_SECRET, the device never holds the secret.
"""
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.request


def sign(mac_key: bytes, key: str, name: str, timestamp: int, nonce: str, claims: str) -> str:
    digest = hashlib.sha256(claims.encode()).hexdigest()
    content = "\n".join(["TBP1", key, name, str(timestamp), nonce, digest])
    return hmac.new(mac_key, content.encode(), hashlib.sha256).hexdigest()


def main() -> None:
    env, name = os.environ, sys.argv[1]
    key = env["PROVISION_KEY"]
    mac_key = bytes.fromhex(env["DEVICE_KEY"]) if "DEVICE_KEY" in env else env["PROVISION_SECRET"].encode()
    claims = env.get("CLAIMS", '{"credentialsType":"ACCESS_TOKEN"}')
    timestamp = int(env.get("TIMESTAMP") or time.time() * 1000)
    nonce = env.get("NONCE") or secrets.token_hex(16)
    request = json.dumps({
        "provisionDeviceKey": key,
        "deviceName": name,
        "timestamp": timestamp,
        "nonce": nonce,
        "claims": claims,
        "signMethod": "TBP1-HMAC-SHA256",
        "sign": sign(mac_key, key, name, timestamp, nonce, claims),
    })
    if env.get("DRY_RUN"):
        print(request)
        return
    url = env.get("GRIDMOOR_URL", "http://127.0.0.1:8080") + "/api/v1/provision"
    with urllib.request.urlopen(urllib.request.Request(url, request.encode(), method="POST")) as answer:
        print(answer.read().decode())


main()
