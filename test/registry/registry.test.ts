import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { createKeyedHash, sha3Hex } from '../../src/model/keyed-hash.ts';
import { Secret } from '../../src/model/secret.ts';
import { createApiKeys } from '../../src/registry/api-keys.ts';
import { credentialsIndex, credentialsProblem, loginIndexes } from '../../src/registry/credentials.ts';
import { nameProblem } from '../../src/registry/registry.ts';
import { createSuppliers } from '../../src/registry/suppliers.ts';
import { openRooms } from '../helpers/rooms.ts';

const hash = createKeyedHash(Buffer.from('an instance key of the tests, long enough'));

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof BrokerError ? error.code : String(error);
  }
  return 'no error';
}

describe('credentials', () => {
  it("ThingsBoard's ids are SHA3-256 (thingsboard-device-api 1.2)", () => {
    expect(sha3Hex('cid')).toBe('4c2756bd9fdd0c5f05a40e9397a31242a4be260b5534ecf37d73c48bd381b967');
    expect(sha3Hex('cid|usr')).toBe('b85c784247919157013ed58070fd95f6e19411c01635827d4456c4f927211a0e');
  });

  it("a user name that spells another device's hashed id finds nothing", () => {
    const clientOnly = credentialsIndex({ type: 'MQTT_BASIC', clientId: 'cid' }, hash);
    expect(loginIndexes({ clientId: 'x', userName: sha3Hex('cid') }, hash)).not.toContain(clientOnly);
    expect(loginIndexes({ clientId: 'cid', userName: '' }, hash)).toEqual([clientOnly]);
  });

  it('a client id with a bar is not taken for a client id and a user name', () => {
    const both = credentialsIndex({ type: 'MQTT_BASIC', clientId: 'a', userName: 'b|c' }, hash);
    expect(loginIndexes({ clientId: 'a', userName: 'b|c' }, hash)).toContain(both);
    expect(loginIndexes({ clientId: 'a|b|c', userName: '' }, hash)).not.toContain(both);
    expect(loginIndexes({ clientId: 'a|b', userName: 'c' }, hash)).not.toContain(both);
    const barred = credentialsIndex({ type: 'MQTT_BASIC', clientId: 'a|b', userName: 'c' }, hash);
    expect(loginIndexes({ clientId: 'a|b', userName: 'c' }, hash)).toContain(barred);
    expect(loginIndexes({ clientId: '["a', userName: 'b","c"]' }, hash)).not.toContain(barred);
  });

  it.each([
    [{ type: 'ACCESS_TOKEN', token: '' }],
    [{ type: 'ACCESS_TOKEN', token: 'a\u0000b' }],
    [{ type: 'ACCESS_TOKEN', token: 'x'.repeat(8193) }],
    [{ type: 'MQTT_BASIC' }],
    [{ type: 'MQTT_BASIC', clientId: 'c', password: 'p' }],
    [{ type: 'MQTT_BASIC', userName: 'a\u007f' }],
    [{ type: 'ACCESS_TOKEN', token: 'a\u0085b' }],
    [{ type: 'ACCESS_TOKEN', token: 'provision' }],
    [{ type: 'MQTT_BASIC', clientId: 'provision', userName: 'u' }],
    [{ type: 'MQTT_BASIC', clientId: 'c'.repeat(257), userName: 'u' }],
    [{ type: 'MQTT_BASIC', clientId: '__proto__', userName: 'u' }],
    [{ type: 'X509_CERTIFICATE', certificate: '' }],
  ] as const)('refuses %j', (credentials) => {
    expect(credentialsProblem(credentials)).toBeTypeOf('string');
  });
});

describe('names', () => {
  it.each(['', '   ', '<i>', 'a\nb', '\u0000', 'a\u009b31m', 'a\u2028b', '{{x}}', 'x'.repeat(256)])(
    'refuses %j',
    (name) => {
      expect(nameProblem(name)).toBeTypeOf('string');
    },
  );
  it.each(['meter-1', 'Zähler 7', '#', '+', '$SYS', '__proto__', 'x'.repeat(255)])('takes %j', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });
});

describe('registry', () => {
  it('a label that no new device may have is not stored by a change', async () => {
    await using rooms = await openRooms();
    const { registry } = rooms;
    const made = await registry.create({ name: 'a', profile: 'm', label: 'roof', by: 'test' });
    if (made.kind !== 'created') throw new Error(made.kind);
    for (const label of ['a\u0000b', 'x'.repeat(256), ' ']) {
      expect(await codeOf(() => registry.update(made.device.id, { label }, 'test'))).toBe('BAD_REQUEST');
    }
    expect((await registry.device(made.device.id))?.label).toBe('roof');
    expect((await registry.update(made.device.id, { label: null }, 'test')).label).toBeUndefined();
  });

  it('rotation stops the old token in the same step', async () => {
    await using rooms = await openRooms();
    const made = await rooms.registry.create({
      name: 'a',
      profile: 'meter',
      credentials: { type: 'ACCESS_TOKEN', token: 'old-token' },
      by: 'test',
    });
    if (made.kind !== 'created') throw new Error(made.kind);
    const fresh = await rooms.registry.rotate(made.device.id, undefined, 'test');
    expect(await rooms.registry.loginByToken('old-token')).toBeUndefined();
    expect(fresh.type === 'ACCESS_TOKEN' && (await rooms.registry.loginByToken(fresh.token))?.name).toBe('a');
  });

  it('a deleted device is gone with its token, and the name is free again', async () => {
    await using rooms = await openRooms();
    const make = () =>
      rooms.registry.create({
        name: 'a',
        profile: 'm',
        credentials: { type: 'ACCESS_TOKEN', token: 'token-a' },
        by: 'test',
      });
    const made = await make();
    if (made.kind !== 'created') throw new Error(made.kind);
    await rooms.registry.remove(made.device.id, 'test');
    expect(await rooms.registry.loginByToken('token-a')).toBeUndefined();
    expect((await make()).kind).toBe('created');
    expect(await codeOf(() => rooms.registry.remove(made.device.id, 'test'))).toBe('DEVICE_NOT_FOUND');
  });
});

describe('suppliers', () => {
  it('a key works until its end, a wrong one never; rotation keeps the old one for the grace only', async () => {
    await using rooms = await openRooms();
    const { storage, clock } = rooms;
    const suppliers = createSuppliers({ store: storage.suppliers, audit: storage.audit, hash: rooms.hash, clock });
    const { supplier, secretKey } = await suppliers.create('Acme', 'test');
    expect(secretKey.reveal()).toMatch(/^gms_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/);
    expect((await suppliers.findByKey(secretKey))?.name).toBe('Acme');
    expect(await suppliers.findByKey(new Secret(`${secretKey.reveal()}x`))).toBeUndefined();
    const next = await suppliers.rotate(supplier.asset.id, 60_000, 'test');
    expect(await suppliers.findByKey(secretKey)).toBeDefined();
    expect(await suppliers.findByKey(next)).toBeDefined();
    clock.set(clock.now() + 60_000);
    expect(await suppliers.findByKey(secretKey)).toBeUndefined();
    await suppliers.rotate(supplier.asset.id, 0, 'test');
    expect(await suppliers.findByKey(next)).toBeUndefined();
  });

  it('a key works at once also where the clock is behind that of the broker that made it', async () => {
    await using rooms = await openRooms();
    const { storage, clock } = rooms;
    const suppliers = createSuppliers({ store: storage.suppliers, audit: storage.audit, hash: rooms.hash, clock });
    const { supplier, secretKey } = await suppliers.create('Acme', 'test');
    clock.set(clock.now() + 60_000);
    const next = await suppliers.rotate(supplier.asset.id, 600_000, 'test');
    clock.set(clock.now() - 3_600_000);
    expect((await suppliers.findByKey(secretKey))?.name).toBe('Acme');
    expect((await suppliers.findByKey(next))?.name).toBe('Acme');
  });

  it("refuses a customer's own key that can be guessed, and one that is in use", async () => {
    await using rooms = await openRooms();
    const { storage, clock } = rooms;
    const suppliers = createSuppliers({ store: storage.suppliers, audit: storage.audit, hash: rooms.hash, clock });
    expect(await codeOf(() => suppliers.create('A', 'test', new Secret('short')))).toBe('BAD_REQUEST');
    for (const weak of ['a'.repeat(30), ' '.repeat(30), 'a-key-of-our-own\n0123456789']) {
      expect(await codeOf(() => suppliers.create('A', 'test', new Secret(weak)))).toBe('BAD_REQUEST');
    }
    const own = new Secret('a-key-of-our-own-0123456789');
    await suppliers.create('A', 'test', own);
    expect(await codeOf(() => suppliers.create('B', 'test', own))).toBe('BAD_REQUEST');
    expect(await codeOf(() => suppliers.create('A', 'test'))).toBe('NAME_TAKEN');
  });
});

describe('API keys', () => {
  it('authenticates its own keys until they expire or are revoked', async () => {
    await using rooms = await openRooms();
    const { storage, clock } = rooms;
    const adminKey = new Secret('the-administrator-key');
    const keys = createApiKeys({ store: storage.apiKeys, audit: storage.audit, hash: rooms.hash, clock, adminKey });
    expect((await keys.authenticate(adminKey))?.role).toBe('administrator');
    expect(await keys.authenticate(new Secret(''))).toBeUndefined();
    const { key, secretKey } = await keys.create({ name: 'ci', role: 'read-only', ttlMs: 1000, by: 'test' });
    expect((await keys.authenticate(secretKey))?.role).toBe('read-only');
    clock.set(clock.now() + 1000);
    expect(await keys.authenticate(secretKey)).toBeUndefined();
    clock.set(clock.now() - 1000);
    await keys.revoke(key.id, 'test');
    expect(await keys.authenticate(secretKey)).toBeUndefined();
  });
});
