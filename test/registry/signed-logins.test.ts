import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../src/model/device.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { createSignedLogins } from '../../src/registry/signed-logins.ts';
import type { SigningProduct } from '../../src/registry/signed-secrets.ts';
import type { RegistryStore } from '../../src/storage/registry-store.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const product: SigningProduct = {
  dialect: 'enos',
  productKey: 'pk',
  secretBytes: 16,
  naming: { source: 'deviceKey', pattern: /^rod-/ },
};
const id = { productKey: 'pk', deviceKey: 'rod-1' };

async function make(rooms: Rooms) {
  const { storage, hash, clock } = rooms;
  /** Runs once, when a login has read the secret and not yet let anybody in. */
  const between: (() => Promise<unknown>)[] = [];
  const store: RegistryStore = {
    ...storage.registry,
    async device(one) {
      await between.pop()?.();
      return storage.registry.device(one);
    },
  };
  const parts = { store, audit: storage.audit, hash, clock };
  const registry = createRegistry({ ...parts, product: (name) => (name === 'rod' ? product : undefined) });
  const logins = createSignedLogins(parts);
  const created = await registry.create({ name: 'rod-1', profile: 'rod', by: 'test' });
  if (created.kind !== 'created' || created.credentials.type !== 'SIGNED_SECRET') throw new Error('not created');
  const by = (secret: string) => logins.login(id, (one) => one === secret);
  return { registry, logins, by, between, device: created.device, secret: created.credentials.deviceSecret };
}

function secretOf(credentials: Credentials): string {
  if (credentials.type !== 'SIGNED_SECRET') throw new Error(`a secret was wanted, not ${credentials.type}`);
  return credentials.deviceSecret;
}

describe('signed logins', () => {
  it('the first one makes a registered device active, with one line in the audit', async () => {
    await using rooms = await openRooms();
    const { by, device, secret } = await make(rooms);
    expect(device.state).toBe('registered');
    expect(secret).toMatch(/^[0-9a-f]{32}$/);
    const all = await Promise.all(Array.from({ length: 10 }, () => by(secret)));
    expect(all.every((match) => match.kind === 'device' && match.device.state === 'active')).toBe(true);
    const { data } = await rooms.storage.audit.list({ page: 0, pageSize: 100 });
    expect(data.filter(({ action }) => action === 'device.activate')).toHaveLength(1);
  });

  it('a wrong signature and an unknown device are checked as often, and told apart by nobody', async () => {
    await using rooms = await openRooms();
    const { logins } = await make(rooms);
    const checks = { known: 0, unknown: 0 };
    const wrong = await logins.login(id, () => {
      checks.known++;
      return false;
    });
    const unknown = await logins.login({ ...id, deviceKey: 'rod-2' }, () => {
      checks.unknown++;
      return true;
    });
    expect([wrong, unknown]).toEqual([{ kind: 'unknown' }, { kind: 'unknown' }]);
    expect(checks).toEqual({ known: 2, unknown: 2 });
  });

  it('after a rotation the former secret works until the new one is used', async () => {
    await using rooms = await openRooms();
    const { registry, by, device, secret } = await make(rooms);
    await by(secret);
    const next = secretOf(
      await registry.rotate(device.id, undefined, 'test', { keepFormerUntil: rooms.clock.now() + 1_000 }),
    );
    const before = await by(secret);
    expect(before.kind).toBe('device');
    const used = before.kind === 'device' ? before.credentials : '';
    expect(await registry.credentialsEnd(device.id, used)).toBe(rooms.clock.now() + 1_000);
    expect((await by(next)).kind).toBe('device');
    expect((await by(secret)).kind).toBe('unknown');
    expect(await registry.credentialsEnd(device.id, used)).toBe('gone');
  });

  it('the former secret ends by itself, and at once without a time of grace', async () => {
    await using rooms = await openRooms();
    const { registry, by, device, secret } = await make(rooms);
    const next = await registry.rotate(device.id, undefined, 'test', { keepFormerUntil: rooms.clock.now() + 1_000 });
    rooms.clock.set(rooms.clock.now() + 1_000);
    expect((await by(secret)).kind).toBe('unknown');
    const last = await registry.rotate(device.id, undefined, 'test');
    expect((await by(secretOf(next))).kind).toBe('unknown');
    expect((await by(secretOf(last))).kind).toBe('device');
  });

  it('a secret that is replaced while a login is under way lets nobody in, and makes nothing active', async () => {
    await using rooms = await openRooms();
    const { registry, by, between, device, secret } = await make(rooms);
    between.push(() => registry.rotate(device.id, undefined, 'test'));
    expect((await by(secret)).kind).toBe('unknown');
    expect((await rooms.registry.device(device.id))?.state).toBe('registered');
  });

  it.each(['disabled', 'retired'] as const)('a %s device is not let in, with the right signature', async (state) => {
    await using rooms = await openRooms();
    const { by, device, secret } = await make(rooms);
    await rooms.storage.registry.changeState(device.id, { from: ['registered'], to: state });
    expect(await by(secret)).toMatchObject({ kind: 'disabled' });
    expect((await by('wrong')).kind).toBe('unknown');
    expect((await rooms.registry.device(device.id))?.state).toBe(state);
  });

  it('the secret is stored sealed, and the end of all credentials ends it', async () => {
    await using rooms = await openRooms();
    const { registry, by, device, secret } = await make(rooms);
    expect(JSON.stringify(await rooms.storage.registry.credentialsOf(device.id))).not.toContain(secret);
    await registry.revoke(device.id, 'all', 'test');
    expect((await by(secret)).kind).toBe('expired');
  });

  it('credentials must fit the product', async () => {
    await using rooms = await openRooms();
    const { registry } = await make(rooms);
    const create = (name: string, profile: string, credentials?: object) =>
      registry
        .create({ name, profile, by: 'test', ...(credentials ? { credentials: credentials as never } : {}) })
        .then(({ kind }) => kind, String);
    const signed = { type: 'SIGNED_SECRET', productKey: '', deviceKey: '', deviceSecret: 'x' };
    expect(await create('meter-1', 'rod')).toMatch(/CREDENTIALS_INVALID.*pattern/);
    expect(await create('rod 1', 'rod')).toMatch(/CREDENTIALS_INVALID/);
    expect(await create('rod-3', 'rod', { ...signed, productKey: 'other' })).toMatch(/CREDENTIALS_INVALID.*pk/);
    expect(await create('rod-3', 'meter', signed)).toMatch(/CREDENTIALS_INVALID.*product/);
    expect(await create('rod-3', 'rod', { ...signed, deviceSecret: 'x'.repeat(64) })).toMatch(/CREDENTIALS_INVALID/);
    expect(await create('rod-3', 'rod', { ...signed, deviceKey: 'rod-1' })).toBe('credentials-taken');
    expect(await create('rod-3', 'rod', signed)).toBe('created');
    expect(await create('rod-4', 'rod', { type: 'ACCESS_TOKEN', token: 'a-token' })).toBe('created');
  });
});
