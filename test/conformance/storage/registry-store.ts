import { describe, expect, it } from 'vitest';
import { type DeviceId, newCustomerId } from '../../../src/model/ids.ts';
import { aDevice, aSupplier, benchFor, credentialsOf, exact, type MakeStore, newDevice, register } from './harness.ts';

export function registryConformance(name: string, make: MakeStore): void {
  describe(`${name}: registry`, () => {
    const bench = benchFor(make);
    const registry = () => bench.storage.registry;

    it('a created device is found by id, by name and by credentials, with its server attributes', async () => {
      const entry = newDevice(
        { label: 'cellar', gateway: true },
        { serverAttributes: { provisionState: 'provisioned' } },
      );
      expect(await registry().createDevice(entry)).toEqual({ kind: 'created' });
      expect(await registry().device(entry.device.id)).toEqual(entry.device);
      expect(await registry().deviceByName(entry.device.name)).toEqual(entry.device);
      expect(await registry().credentials(entry.credentials.index)).toEqual(entry.credentials);
      expect(await registry().credentialsOf(entry.device.id)).toEqual(entry.credentials);
      const attributes = await bench.storage.attributes.read(entry.device.id, 'SERVER_SCOPE');
      expect(exact(attributes)).toEqual({ provisionState: `${entry.device.createdAt} "provisioned"` });
    });

    it('the audit line of a creation is written with it, and only then', async () => {
      const line = { at: 1, action: 'device.create', by: 'test', subject: 'device', outcome: 'created' };
      const entry = newDevice();
      await registry().createDevice({ ...entry, audit: line });
      await registry().createDevice({ ...newDevice({ name: entry.device.name }), audit: { ...line, at: 2 } });
      expect((await bench.storage.audit.list({ page: 0, pageSize: 10 })).data).toEqual([line]);
    });

    it('what is missing is undefined, also for ids that are no ids', async () => {
      for (const id of ['0193b5f2-0000-7000-8000-000000000000', 'no-uuid', '']) {
        expect(await registry().device(id as DeviceId)).toBeUndefined();
        expect(await registry().credentialsOf(id as DeviceId)).toBeUndefined();
        expect(await registry().deleteDevice(id as DeviceId, 1, 'test')).toBe(false);
      }
      expect(await registry().deviceByName('')).toBeUndefined();
      expect(await registry().credentials('nothing')).toBeUndefined();
    });

    it('a taken name refuses before taken credentials before the quota, and nothing is left behind', async () => {
      const first = newDevice();
      await registry().createDevice(first);
      const { device } = newDevice();
      const named = { ...device, name: first.device.name };
      const all = {
        credentials: { ...first.credentials, deviceId: device.id },
        serverAttributes: { a: 1 },
        profileQuota: 0,
      };
      expect(await registry().createDevice({ device: named, ...all })).toEqual({
        kind: 'name-taken',
        deviceId: first.device.id,
      });
      expect(await registry().createDevice({ device, ...all })).toEqual({ kind: 'credentials-taken' });
      expect(await registry().createDevice({ device, ...all, credentials: credentialsOf(device) })).toEqual({
        kind: 'quota-reached',
      });
      expect(await registry().device(device.id)).toBeUndefined();
      expect(await registry().credentialsOf(device.id)).toBeUndefined();
      expect((await bench.storage.attributes.read(device.id, 'SERVER_SCOPE')).size).toBe(0);
      expect(await registry().deviceCount()).toBe(1);
      expect((await registry().credentials(first.credentials.index))?.deviceId).toBe(first.device.id);
    });

    it('of fifty that want one name at once, one gets it; so with one credential', async () => {
      const sameName = await Promise.all(
        Array.from({ length: 50 }, () => registry().createDevice(newDevice({ name: 'one' }))),
      );
      expect(sameName.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      const sameIndex = await Promise.all(
        Array.from({ length: 50 }, () => {
          const device = aDevice();
          return registry().createDevice({
            device,
            credentials: credentialsOf(device, { index: 'x' }),
            serverAttributes: {},
          });
        }),
      );
      expect(sameIndex.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      expect(sameIndex.filter(({ kind }) => kind === 'credentials-taken')).toHaveLength(49);
      expect(await registry().deviceCount()).toBe(2);
    });

    it('a quota is never exceeded by requests at the same moment', async () => {
      const answers = await Promise.all(
        Array.from({ length: 30 }, () => registry().createDevice(newDevice({ profile: 'small' }, { profileQuota: 7 }))),
      );
      expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(7);
      expect(answers.filter(({ kind }) => kind === 'quota-reached')).toHaveLength(23);
    });

    it('counts devices per profile and in all, also after a reopen', async () => {
      for (const profile of ['a', 'a', 'b']) await register(bench.storage, { profile });
      await bench.reopen();
      expect(await Promise.all([undefined, 'a', 'b', 'c'].map((profile) => registry().deviceCount(profile)))).toEqual([
        3, 2, 1, 0,
      ]);
    });

    it('lists by name, in pages, by part of the name and by profile', async () => {
      for (const name of ['meter-3', 'Meter-1', 'meter-2', 'gate']) {
        await register(bench.storage, { name, profile: name === 'gate' ? 'gateway' : 'meter' });
      }
      const names = async (query: Parameters<ReturnType<typeof registry>['devices']>[0]) => {
        const page = await registry().devices(query);
        return [page.data.map((device) => device.name), page.totalElements, page.hasNext];
      };
      expect(await names({ page: 0, pageSize: 3 })).toEqual([['Meter-1', 'gate', 'meter-2'], 4, true]);
      expect(await names({ page: 1, pageSize: 3 })).toEqual([['meter-3'], 4, false]);
      expect(await names({ page: 2, pageSize: 3 })).toEqual([[], 4, false]);
      expect(await names({ page: 0, pageSize: 10, textSearch: 'METER' })).toEqual([
        ['Meter-1', 'meter-2', 'meter-3'],
        3,
        false,
      ]);
      expect(await names({ page: 1, pageSize: 1, textSearch: 'eter', profile: 'meter' })).toEqual([
        ['meter-2'],
        3,
        true,
      ]);
      expect(await names({ page: 0, pageSize: 10, profile: 'gateway' })).toEqual([['gate'], 1, false]);
      expect(await names({ page: 0, pageSize: 10, textSearch: '' })).toEqual([
        ['Meter-1', 'gate', 'meter-2', 'meter-3'],
        4,
        false,
      ]);
    });

    it('replaced credentials work at once and the old ones no more', async () => {
      const entry = newDevice();
      await registry().createDevice(entry);
      const next = credentialsOf(entry.device, { index: 'next', type: 'MQTT_BASIC', passwordHash: 'ph' });
      expect(await registry().replaceCredentials(next)).toBe('replaced');
      expect(await registry().credentials('next')).toEqual(next);
      expect(await registry().credentials(entry.credentials.index)).toBeUndefined();
      expect(await registry().replaceCredentials({ ...next, passwordHash: 'other' })).toBe('replaced');
      expect((await registry().credentials('next'))?.passwordHash).toBe('other');
    });

    it('credentials of another device are refused, and both keep theirs; an unknown device is named', async () => {
      const [one, two] = [newDevice(), newDevice()];
      await registry().createDevice(one);
      await registry().createDevice(two);
      const stolen = { ...two.credentials, index: one.credentials.index };
      expect(await registry().replaceCredentials(stolen)).toBe('credentials-taken');
      expect((await registry().credentials(one.credentials.index))?.deviceId).toBe(one.device.id);
      expect((await registry().credentials(two.credentials.index))?.deviceId).toBe(two.device.id);
      expect(await registry().replaceCredentials(credentialsOf(aDevice()))).toBe('unknown-device');
    });

    it('a pre-provisioned device is claimed exactly once, and its sealed credentials are given exactly once', async () => {
      const device = aDevice({ name: 'pre' });
      const credentials = credentialsOf(device, { sealed: 'sealed-text' });
      await registry().createDevice({ device, credentials, serverAttributes: {} });
      expect(await registry().claimPreProvisioned('nobody', 'meter', 5)).toEqual({ kind: 'unknown' });
      expect(await registry().claimPreProvisioned('pre', 'other', 5)).toEqual({ kind: 'other-profile', device });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => registry().claimPreProvisioned('pre', 'meter', 5)),
      );
      expect(answers.filter(({ kind }) => kind === 'claimed')).toEqual([{ kind: 'claimed', device, credentials }]);
      expect(answers.filter(({ kind }) => kind === 'already-provisioned')).toHaveLength(19);
      expect(await registry().credentialsOf(device.id)).toEqual(credentialsOf(device));
      const state = await bench.storage.attributes.read(device.id, 'SERVER_SCOPE');
      expect(exact(state)).toEqual({ provisionState: '5 "provisioned"' });
    });

    it('a deleted device is gone with everything it had; its name and credentials are free', async () => {
      const { storage } = bench;
      const supplier = await aSupplier(storage);
      const entry = newDevice({ name: 'gone' }, { serverAttributes: { a: 1 } });
      const id = entry.device.id;
      await registry().createDevice(entry);
      await storage.attributes.save({
        entityId: id,
        scope: 'CLIENT_SCOPE',
        values: { c: 1 },
        ts: 1,
        onlyOnChange: false,
      });
      for (let i = 0; i < 50; i++)
        await storage.telemetry.save({ entityId: id, ts: i, values: { t: i, fill: 'x'.repeat(100) } });
      await storage.deadLetters.put(aLetter(id));
      const request = { deviceId: id, supplierId: supplier.id, supplyPointHash: 'h', now: 10, by: 'test' } as const;
      await storage.attachments.attach({
        ...request,
        supplyPoint: { scheme: 'cups', stem: 'ES0021000000000000' },
        grid: { code: '0021', name: 'Grid' },
        onConflict: 'reject',
      });
      expect(await registry().deleteRetiredDevice(id, 99, 'tester')).toBe(false);
      expect(await registry().device(id)).toBeDefined();
      expect(await registry().deleteDevice(id, 99, 'tester')).toBe(true);
      expect(await registry().deleteDevice(id, 99, 'tester')).toBe(false);
      await storage.drain();
      expect(await registry().device(id)).toBeUndefined();
      expect(await registry().deviceByName('gone')).toBeUndefined();
      expect(await registry().credentials(entry.credentials.index)).toBeUndefined();
      expect(await registry().deviceCount()).toBe(0);
      for (const scope of ['SERVER_SCOPE', 'CLIENT_SCOPE'] as const)
        expect((await storage.attributes.read(id, scope)).size).toBe(0);
      expect((await storage.telemetry.latest(id)).size).toBe(0);
      const all = { entityId: id, keys: ['t'], startTs: 0, endTs: 100, limit: 100, order: 'ASC' } as const;
      expect((await storage.telemetry.range(all)).size).toBe(0);
      expect((await storage.deadLetters.list({ page: 0, pageSize: 10 })).totalElements).toBe(0);
      expect(await storage.assets.relationsTo({ entityType: 'DEVICE', id })).toEqual([]);
      expect(await storage.assets.relationsFrom({ entityType: 'DEVICE', id })).toEqual([]);
      expect(await storage.assets.relationsFrom({ entityType: 'ASSET', id: supplier.id })).toEqual([]);
      expect(await storage.attachments.attachment(id)).toBeUndefined();
      expect((await storage.attachments.attachments({ page: 0, pageSize: 5 })).totalElements).toBe(0);
      expect(
        await registry().createDevice({ ...newDevice({ name: 'gone' }), credentials: { ...entry.credentials } }),
      ).toEqual({
        kind: 'created',
      });
    });

    it('what is left of the history of a deleted device names its supply point by the hash only', async () => {
      const { storage } = bench;
      const supplier = await aSupplier(storage);
      const id = await register(storage);
      await storage.attachments.attach({
        deviceId: id,
        supplierId: supplier.id,
        supplyPointHash: 'abc',
        supplyPoint: { scheme: 'cups', stem: 'ES0021000000000000', suffix: '0F' },
        grid: { code: '0021', name: 'Grid' },
        onConflict: 'reject',
        now: 10,
        by: 'chain:x/y',
      });
      await registry().deleteDevice(id, 99, 'tester');
      const history = await storage.attachments.history(id);
      expect(history.map(({ event, at, by }) => [event, at, by])).toEqual([
        ['attached', 10, 'chain:x/y'],
        ['ended', 99, 'tester'],
      ]);
      expect(history.map(({ attachment }) => attachment.supplyPoint)).toEqual([
        { scheme: 'cups', stem: 'hmac:abc' },
        { scheme: 'cups', stem: 'hmac:abc' },
      ]);
    });

    it('a write that follows the deletion in the same turn brings nothing back', async () => {
      const { storage } = bench;
      const id = await register(storage);
      const before = storage.telemetry.save({ entityId: id, ts: 1, values: { a: 1 } });
      const deletion = registry().deleteDevice(id, 2, 'tester');
      const late = storage.telemetry.save({ entityId: id, ts: 2, values: { a: 2 } });
      const attribute = storage.attributes.save({
        entityId: id,
        scope: 'CLIENT_SCOPE',
        values: { b: 1 },
        ts: 1,
        onlyOnChange: false,
      });
      const letter = storage.deadLetters.put(aLetter(id));
      await Promise.all([before, deletion, late, attribute, letter]);
      expect(await attribute).toEqual([]);
      expect((await storage.telemetry.latest(id)).size).toBe(0);
      expect((await storage.attributes.read(id, 'CLIENT_SCOPE')).size).toBe(0);
      expect((await storage.deadLetters.list({ page: 0, pageSize: 1 })).totalElements).toBe(0);
    });

    it('a device that a gateway creates comes with its relation, in the same step, and keeps both over a reopening', async () => {
      const gateway = await register(bench.storage, { gateway: true });
      const entry = newDevice({ lastConnectedGateway: gateway }, { createdBy: gateway });
      await registry().createDevice(entry);
      await registry().createDevice(newDevice({ name: entry.device.name }, { createdBy: gateway }));
      await bench.reopen();
      const end = (id: string) => ({ entityType: 'DEVICE', id }) as const;
      expect(await bench.storage.assets.relationsFrom(end(gateway))).toEqual([
        { from: end(gateway), type: 'Created', to: end(entry.device.id) },
      ]);
      expect((await registry().device(entry.device.id))?.lastConnectedGateway).toBe(gateway);
    });

    it('an update changes what is given and leaves the rest, also after a reopen', async () => {
      const entry = newDevice({ label: 'old' });
      await registry().createDevice(entry);
      const { id } = entry.device;
      expect(await registry().updateDevice(id, { gateway: true })).toEqual({ ...entry.device, gateway: true });
      expect(await registry().updateDevice(id, { label: 'new' })).toMatchObject({ label: 'new', gateway: true });
      const marked = await registry().updateDevice(id, { overwriteActivityTime: true });
      expect(marked).toMatchObject({ label: 'new', gateway: true, overwriteActivityTime: true });
      expect(await registry().device(id)).toEqual(marked);
      await registry().updateDevice(id, { overwriteActivityTime: false });
      const unlabelled = { ...entry.device, overwriteActivityTime: false, label: undefined };
      expect(await registry().updateDevice(id, { label: null, gateway: false })).toEqual(unlabelled);
      await bench.reopen();
      expect(await registry().device(id)).toEqual(unlabelled);
      expect(await registry().updateDevice('0193b5f2-0000-7000-8000-000000000000' as DeviceId, {})).toBeUndefined();
    });

    it('a device that a gateway creates belongs to the customer of the gateway', async () => {
      const { customers } = bench.storage;
      const gateway = await register(bench.storage, { gateway: true });
      const customer = { id: newCustomerId(1), title: 'Ana', createdAt: 1 };
      await customers.createCustomer(customer);
      await customers.assign(gateway, customer.id);
      const entry = newDevice({}, { createdBy: gateway });
      await registry().createDevice(entry);
      expect(await customers.customerOf(entry.device.id)).toBe(customer.id);
    });

    it("a device that is made for a customer is the customer's from the first moment on, also after a reopening", async () => {
      const customer = { id: newCustomerId(1), title: 'Eva', createdAt: 1 };
      await bench.storage.customers.createCustomer(customer);
      const entry = newDevice({}, { customer: customer.id });
      await registry().createDevice(entry);
      await bench.reopen();
      expect(await bench.storage.customers.customerOf(entry.device.id)).toBe(customer.id);
    });

    it('the last gateway of a device is replaced; an unknown device has none', async () => {
      const [one, two] = [await register(bench.storage), await register(bench.storage)];
      const entry = newDevice({ lastConnectedGateway: one });
      await registry().createDevice(entry);
      expect(await registry().setLastGateway(entry.device.id, two)).toBe(true);
      expect(await registry().deviceByName(entry.device.name)).toEqual({ ...entry.device, lastConnectedGateway: two });
      expect(await registry().setLastGateway('0193b5f2-0000-7000-8000-000000000000' as DeviceId, two)).toBe(false);
    });

    it('names with any characters are names: wildcards, NUL, emoji, quotes, RTL', async () => {
      const names = ['+/#', 'a\0b', '🔌', '"\n', '\u202eabc', ' ', '__proto__'];
      const ids = await Promise.all(names.map((name) => register(bench.storage, { name })));
      expect(
        (await Promise.all(names.map((name) => registry().deviceByName(name)))).map((device) => device?.id),
      ).toEqual(ids);
      expect((await registry().devices({ page: 0, pageSize: 20 })).data).toHaveLength(names.length);
    });
  });
}

function aLetter(deviceId: DeviceId) {
  return {
    id: 'letter',
    at: 1,
    originator: { entityType: 'DEVICE', id: deviceId } as const,
    originatorName: 'd',
    retries: 0,
    sealed: '',
    chain: 'c',
    node: 'n',
    reason: 'r',
    msgType: 'T',
    metadata: {},
    data: { a: 1 },
  };
}
