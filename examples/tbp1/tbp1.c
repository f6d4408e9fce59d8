/*
 * The signature of signed provisioning for small devices: SHA-256 and HMAC in one file, no heap, no library.
 *   cc -O2 -o tbp1 tbp1.c
 *   PROVISION_SECRET=... ./tbp1 smart-meter meter-1 1700000000000 n0nce-00112233445566778899 '{"credentialsType":"ACCESS_TOKEN"}'
 * With DEVICE_KEY (64 hex digits) instead of PROVISION_SECRET, the device never holds the secret. Prints the 64 hex digits of "sign".
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

typedef struct {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
} sha256;

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static void compress(sha256 *s) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 | (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (ROTR(w[i - 15], 7) ^ ROTR(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (ROTR(w[i - 2], 17) ^ ROTR(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[7] + (ROTR(v[4], 6) ^ ROTR(v[4], 11) ^ ROTR(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
        uint32_t b = (ROTR(v[0], 2) ^ ROTR(v[0], 13) ^ ROTR(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += a;
        v[0] = a + b;
    }
    for (int i = 0; i < 8; i++) s->h[i] += v[i];
}

static void begin(sha256 *s) {
    static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, h, sizeof h);
    s->bytes = 0;
}

static void add(sha256 *s, const void *data, size_t length) {
    const uint8_t *p = data;
    while (length--) {
        s->block[s->bytes++ % 64] = *p++;
        if (s->bytes % 64 == 0) compress(s);
    }
}

static void end(sha256 *s, uint8_t out[32]) {
    uint64_t bits = s->bytes * 8;
    add(s, "\x80", 1);
    while (s->bytes % 64 != 56) add(s, "", 1);
    for (int i = 7; i >= 0; i--) {
        uint8_t byte = (uint8_t)(bits >> (8 * i));
        add(s, &byte, 1);
    }
    for (int i = 0; i < 32; i++) out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

static void pad(sha256 *s, const uint8_t key[64], uint8_t with) {
    begin(s);
    for (int i = 0; i < 64; i++) {
        uint8_t byte = key[i] ^ with;
        add(s, &byte, 1);
    }
}

static void hex(char *to, const uint8_t from[32]) {
    for (int i = 0; i < 32; i++) sprintf(to + 2 * i, "%02x", from[i]);
}

/* sign: 65 bytes. mac_key: the bytes of the provision secret, or the 32 bytes of the device's key. */
static void tbp1_sign(char sign[65], const uint8_t *mac_key, size_t key_length, const char *const line[4], const char *claims) {
    sha256 s;
    uint8_t key[64] = {0}, digest[32];
    char claims_hex[65];
    if (key_length > 64) {
        begin(&s);
        add(&s, mac_key, key_length);
        end(&s, key);
    } else {
        memcpy(key, mac_key, key_length);
    }
    begin(&s);
    add(&s, claims, strlen(claims));
    end(&s, digest);
    hex(claims_hex, digest);
    pad(&s, key, 0x36);
    add(&s, "TBP1\n", 5);
    for (int i = 0; i < 4; i++) {
        add(&s, line[i], strlen(line[i]));
        add(&s, "\n", 1);
    }
    add(&s, claims_hex, 64);
    end(&s, digest);
    pad(&s, key, 0x5c);
    add(&s, digest, 32);
    end(&s, digest);
    hex(sign, digest);
}

int main(int argc, char **argv) {
    const char *secret = getenv("PROVISION_SECRET"), *device_key = getenv("DEVICE_KEY");
    uint8_t bytes[32];
    char sign[65];
    if (argc != 6 || (!secret && !device_key)) {
        fprintf(stderr, "usage: PROVISION_SECRET=... %s <provision key> <device name> <timestamp> <nonce> <claims>\n", argv[0]);
        return 2;
    }
    if (device_key) {
        for (int i = 0; i < 32; i++)
            if (strlen(device_key) != 64 || sscanf(device_key + 2 * i, "%2hhx", &bytes[i]) != 1) {
                fprintf(stderr, "DEVICE_KEY must be 64 hex digits\n");
                return 2;
            }
        tbp1_sign(sign, bytes, 32, (const char *const *)argv + 1, argv[5]);
    } else {
        tbp1_sign(sign, (const uint8_t *)secret, strlen(secret), (const char *const *)argv + 1, argv[5]);
    }
    puts(sign);
    return 0;
}
