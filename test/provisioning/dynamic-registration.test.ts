import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/model/secret.ts';
import { type DeviceProfile, NO_RULES } from '../../src/profiles/index.ts';
import { createDynamicRegistration, type RegistrationRequest } from '../../src/provisioning/dynamic-registration.ts';
import { isSignedByProduct } from '../../src/provisioning/product-secret.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { createSignedLogins } from '../../src/registry/signed-logins.ts';
import type { RegistryStore } from '../../src/storage/registry-store.ts';
import { admissionOf } from '../helpers/admission.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

const profileOf = (provision: Partial<DeviceProfile['provision']>, dynamic = true): DeviceProfile => ({
  name: 'rod',
  provision: { strategy: 'check-pre-provisioned-devices', onExisting: 'once', rules: NO_RULES, ...provision },
  thing: {
    dialect: 'enos',
    productKey: 'pk',
    secrets: [{ secret: new Secret('product-secret') }],
    hashes: new Set(['sha256']),
    secretBytes: 16,
    naming: { source: 'deviceKey' },
    dynamic,
    integration: false,
    refusalCodes: { credentials: 4, notAllowed: 5 },
    serviceAccounts: [],
    functionCompute: false,
    maxPayloadBytes: 524_288,
    pushWithoutSubscription: true,
  },
  listeners: { requireTls: false, allowPlaintextProvisioning: false },
  transport: 'default',
  topics: {},
  sendAckOnValidationException: false,
  typeCast: false,
  retention: {},
  limits: {},
});

function make(rooms: Rooms, profile: DeviceProfile) {
  const { storage, hash, clock } = rooms;
  const parts = { store: storage.registry, audit: storage.audit, hash, clock };
  const registry = createRegistry({ ...parts, product: () => profile.thing });
  /** Runs once, when a request has read the secret and not yet given it. */
  const between: (() => Promise<unknown>)[] = [];
  const store: RegistryStore = {
    ...storage.registry,
    async changeState(id, step) {
      await between.pop()?.();
      return storage.registry.changeState(id, step);
    },
  };
  const { admit, serials } = admissionOf(rooms);
  const { customers } = storage;
  const registration = createDynamicRegistration({ ...parts, store, registry, admit, customers });
  const logins = createSignedLogins(parts);
  const ask = (more: Partial<RegistrationRequest> = {}) =>
    registration.register({
      profile,
      deviceKey: 'rod-1',
      signed: true,
      secure: true,
      wants: 'secret',
      address: '127.0.0.1',
      ...more,
    });
  const login = (secret: string) => logins.login({ productKey: 'pk', deviceKey: 'rod-1' }, (one) => one === secret);
  return {
    registry,
    serials,
    ask,
    login,
    between,
    add: () => registry.create({ name: 'rod-1', profile: 'rod', by: 'test' }),
  };
}

const outcomeOf = (result: { readonly kind: string; readonly reason?: string }): string => result.reason ?? result.kind;

describe('dynamic registration', () => {
  it('once: requests at one time get one secret, which works', async () => {
    await using rooms = await openRooms();
    const { ask, add, login } = make(rooms, profileOf({}));
    await add();
    const all = await Promise.all(Array.from({ length: 20 }, () => ask()));
    const secrets = new Set(all.map((one) => (one.kind === 'issued' ? one.deviceSecret : outcomeOf(one))));
    expect(secrets.size).toBe(1);
    expect((await login([...secrets][0] ?? '')).kind).toBe('device');
    expect(outcomeOf(await ask())).toBe('repeat');
  });

  it('a serial that is not listed, or comes outside of the window, gets nothing', async () => {
    await using rooms = await openRooms();
    const listed = make(rooms, profileOf({ rules: { ...NO_RULES, allowList: 'serials' } }));
    await listed.add();
    expect(outcomeOf(await listed.ask())).toBe('not-listed');
    await listed.serials.add({ profile: 'rod', form: 'serials', serials: ['rod-1'], by: 'test' });
    expect(outcomeOf(await listed.ask())).toBe('issued');
    const now = rooms.clock.now();
    const window = { from: now + 1, until: now + 2 };
    const early = make(rooms, profileOf({ rules: { ...NO_RULES, window } }));
    expect(outcomeOf(await early.ask())).toBe('window');
    rooms.clock.set(now + 1);
    expect(outcomeOf(await early.ask())).toBe('issued');
    rooms.clock.set(now + 2);
    expect(outcomeOf(await early.ask())).toBe('window');
  });

  it('an address may ask so many times a minute; others are not held up', async () => {
    await using rooms = await openRooms();
    const rules = { ...NO_RULES, perMinutePerAddress: 2 };
    const { ask, add } = make(rooms, profileOf({ rules, onExisting: 'rotate-until-active' }));
    await add();
    for (const outcome of ['issued', 'issued', 'address-rate']) expect(outcomeOf(await ask())).toBe(outcome);
    expect(outcomeOf(await ask({ address: '127.0.0.2' }))).toBe('issued');
    rooms.clock.set(rooms.clock.now() + 30_000);
    for (const outcome of ['issued', 'address-rate']) expect(outcomeOf(await ask())).toBe(outcome);
  });

  it('rotate-until-active: of the secrets of requests at one time exactly one works', async () => {
    await using rooms = await openRooms();
    const { ask, add, login } = make(rooms, profileOf({ onExisting: 'rotate-until-active' }));
    await add();
    const all = await Promise.all(Array.from({ length: 20 }, () => ask()));
    const secrets = all.flatMap((one) => (one.kind === 'issued' ? [one.deviceSecret] : []));
    expect(new Set(secrets).size).toBe(20);
    const kinds = [];
    for (const secret of secrets) kinds.push((await login(secret)).kind);
    expect(kinds.filter((kind) => kind === 'device')).toHaveLength(1);
    expect(outcomeOf(await ask())).toBe('repeat');
  });

  it('a secret that is replaced while a request is under way is not given', async () => {
    await using rooms = await openRooms();
    const { registry, ask, add, between, login } = make(rooms, profileOf({}));
    const added = await add();
    if (added.kind !== 'created') throw new Error('not created');
    between.push(() => registry.rotate(added.device.id, undefined, 'test'));
    const result = await ask();
    expect(result.kind).toBe('issued');
    expect((await login(result.kind === 'issued' ? result.deviceSecret : '')).kind).toBe('device');
  });

  it('reject: a second request is refused, also before the first login', async () => {
    await using rooms = await openRooms();
    const { ask, add } = make(rooms, profileOf({ onExisting: 'reject' }));
    await add();
    expect(outcomeOf(await ask())).toBe('issued');
    expect(outcomeOf(await ask())).toBe('repeat');
  });

  it('a login with the old secret and a new registration at one time end with one secret that works', async () => {
    await using rooms = await openRooms();
    const { ask, add, login } = make(rooms, profileOf({ onExisting: 'rotate-until-active' }));
    await add();
    const first = await ask();
    const old = first.kind === 'issued' ? first.deviceSecret : '';
    const [logged, again] = await Promise.all([login(old), ask()]);
    const fresh = again.kind === 'issued' ? again.deviceSecret : '';
    // Either the login was first, and the registration a repeat, or the old secret was gone.
    expect(logged.kind === 'device').toBe(again.kind === 'refused');
    expect([(await login(old)).kind, (await login(fresh)).kind].sort()).toEqual(['device', 'unknown']);
  });

  it('without a list, requests at one time make one device, and a quota holds', async () => {
    await using rooms = await openRooms();
    const { ask } = make(rooms, profileOf({ strategy: 'allow-create-new-devices', quota: 1 }));
    const all = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(new Set(all.map((one) => (one.kind === 'issued' ? one.deviceSecret : outcomeOf(one)))).size).toBe(1);
    expect(all.filter((one) => one.kind === 'issued' && one.created)).toHaveLength(1);
    expect(await rooms.storage.registry.deviceCount()).toBe(1);
    expect(outcomeOf(await ask({ deviceKey: 'rod-2' }))).toBe('quota-reached');
    expect(outcomeOf(await ask({ deviceKey: 'rod 2' }))).toBe('unknown-device');
  });

  it('the name of a device of another kind is not taken over', async () => {
    await using rooms = await openRooms();
    await rooms.registry.create({ name: 'rod-1', profile: 'meter', by: 'test' });
    const { ask } = make(rooms, profileOf({ strategy: 'allow-create-new-devices' }));
    expect(outcomeOf(await ask())).toBe('name-taken');
  });

  it('five clients share a name, not six; a device with a secret of its own has no clients', async () => {
    await using rooms = await openRooms();
    const { ask } = make(rooms, profileOf({ strategy: 'allow-create-new-devices' }));
    const all = await Promise.all(Array.from({ length: 20 }, () => ask({ wants: 'token' })));
    const tokens = all.flatMap((one) => (one.kind === 'token' ? [one.token] : []));
    expect(new Set(tokens).size).toBe(5);
    expect(all.filter((one) => outcomeOf(one) === 'repeat')).toHaveLength(15);
    await using other = await openRooms();
    const single = make(other, profileOf({}));
    await single.add();
    expect((await single.ask()).kind).toBe('issued');
    expect(outcomeOf(await single.ask({ wants: 'token' }))).toBe('repeat');
  });

  it.each([
    ['signature', { signed: false }],
    ['signature', { profile: undefined }],
    ['no-tls', { secure: false }],
    ['unknown-device', { deviceKey: 'rod-9' }],
  ] as const)('%s: nothing changes', async (reason, request) => {
    await using rooms = await openRooms();
    const { ask, add } = make(rooms, profileOf({}));
    await add();
    expect(outcomeOf(await ask(request))).toBe(reason);
    expect((await rooms.registry.deviceByName('rod-1'))?.state).toBe('registered');
  });

  it('off, and of a disabled device: nothing changes', async () => {
    await using rooms = await openRooms();
    const off = make(rooms, profileOf({}, false));
    await off.add();
    expect(outcomeOf(await off.ask())).toBe('off');
    const device = await rooms.registry.deviceByName('rod-1');
    if (!device) throw new Error('no device');
    await rooms.storage.registry.changeState(device.id, { from: ['registered'], to: 'disabled' });
    expect(outcomeOf(await make(rooms, profileOf({})).ask())).toBe('disabled');
    expect((await rooms.registry.device(device.id))?.state).toBe('disabled');
  });
});

describe("a product's secret", () => {
  const content = 'content';
  const key = { dialect: 'enos', hash: 'sha256' } as const;
  const { thing } = profileOf({});
  if (!thing) throw new Error('no product');
  const signature = createHash('sha256').update('contentproduct-secret').digest('hex');

  it('signs with the hashes that are allowed, until its end', () => {
    expect(isSignedByProduct({ signature, content, key }, thing, 0)).toBe(true);
    expect(isSignedByProduct({ signature, content, key }, { ...thing, hashes: new Set(['md5']) }, 0)).toBe(false);
    const ends = { ...thing, secrets: [{ secret: new Secret('product-secret'), until: 10 }] };
    expect(isSignedByProduct({ signature, content, key }, ends, 9)).toBe(true);
    expect(isSignedByProduct({ signature, content, key }, ends, 10)).toBe(false);
  });

  it('without a product or a secret nothing is signed', () => {
    expect(isSignedByProduct({ signature, content, key }, undefined, 0)).toBe(false);
    expect(isSignedByProduct({ signature, content, key }, { ...thing, secrets: [] }, 0)).toBe(false);
  });
});
