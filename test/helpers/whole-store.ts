import type { Device } from '../../src/model/device.ts';
import { TENANT } from '../../src/model/entity.ts';
import type { DeviceId } from '../../src/model/ids.ts';
import { newApiKeyId, newCustomerId, newOtaPackageId, newUserId } from '../../src/model/ids.ts';
import { ExactNumber, stringifyJson } from '../../src/model/json.ts';
import { newRpcId } from '../../src/model/rpc.ts';
import { OTA_BLOCK_BYTES } from '../../src/storage/ota-store.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { anAsset, aSupplier, newDevice } from '../conformance/storage/harness.ts';

export const T0 = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
/** What is hard to carry: exact numbers, names of members that are traps, texts that are none. */
const HARD = {
  exact: new ExactNumber('42.00'),
  big: new ExactNumber('9007199254740993'),
  ['__proto__']: 'a name',
  '10': [null, true, { nested: 'ñ "quoted"\n' }],
  half: '\ud800',
};
const ALARM = { severity: 'MAJOR', startTs: T0, at: T0, details: { exact: new ExactNumber('1.50') } } as const;

export interface WholeStore {
  readonly devices: readonly Device[];
  readonly gone: DeviceId;
  readonly packageId: ReturnType<typeof newOtaPackageId>;
}

/** Puts something of every kind into every port; `more` devices besides with a sample each. */
export async function fillStore(store: Storage, more = 20): Promise<WholeStore> {
  const [one, two, gone] = [
    newDevice(
      { name: 'one', label: 'ñ', info: { a: 1, list: ['x'] } },
      { serverAttributes: { first: 1 }, stateDue: T0 + 7 },
    ),
    newDevice({ name: 'two', gateway: true, profile: 'other' }),
    newDevice({ name: 'gone' }),
  ];
  for (const entry of [one, two, gone]) await store.registry.createDevice(entry);
  const id = one.device.id;
  await store.registry.replaceCredentials({ ...one.credentials, index: 'index-2', sealed: 's' }, T0 + HOUR_MS);
  await store.assets.ensureAsset(anAsset('Site', 'roof'));
  const supplier = await aSupplier(store, 'Sol');
  const grid = { code: '0021', name: 'north' };
  const supplyPoint = { scheme: 'es-cups', stem: 'ES0021' };
  const attach = { supplierId: supplier.id, supplyPoint, grid, onConflict: 'move', now: T0, by: 'me' } as const;
  for (const { device } of [gone, two, one]) {
    await store.attachments.attach({
      ...attach,
      deviceId: device.id,
      supplyPointHash: `hash of ${device.id === gone.device.id ? 'gone' : 'both'}`,
    });
  }
  await store.registry.deleteDevice(gone.device.id, T0 + 1, 'me');
  const device = { entityType: 'DEVICE', id } as const;
  const other = { entityType: 'DEVICE', id: two.device.id } as const;
  await store.assets.addRelation({ from: other, type: 'Contains', to: device });
  await store.assets.addRelation({ from: TENANT, type: 'Contains', to: device });
  await fillPeople(store, id, two.device.id);
  await fillData(store, id);
  await fillLater(store, id);
  const packageId = await fillOta(store, id);
  await fillRecords(store);
  for (let n = 0; n < more; n++) {
    const entry = newDevice({ name: `more-${String(n).padStart(5, '0')}` }, { serverAttributes: { n } });
    await store.registry.createDevice(entry);
    await store.telemetry.save({ entityId: entry.device.id, ts: T0 + n, values: { n } });
  }
  await store.drain();
  return { devices: [one.device, two.device], gone: gone.device.id, packageId };
}

async function fillPeople(store: Storage, one: DeviceId, two: DeviceId): Promise<void> {
  const customer = { id: newCustomerId(T0), title: 'Ana', createdAt: T0 };
  await store.customers.createCustomer(customer);
  await store.customers.register(two, { secretHash: 'claim', expiresAt: T0 + 9 }, T0);
  await store.customers.give(one, customer.id);
  const user = {
    name: 'ana@x',
    role: 'administrator',
    passwordHash: 'h',
    epoch: 3,
    endedSessions: [{ id: 'e', until: T0 }],
  } as const;
  await store.users.createUser({ ...user, id: newUserId(T0), createdAt: T0 });
  await store.apiKeys.create({
    id: newApiKeyId(T0),
    name: 'k',
    role: 'administrator',
    hash: 'key-hash',
    createdAt: T0,
  });
}

async function fillData(store: Storage, id: DeviceId): Promise<void> {
  const save = (entityId: string, ts: number, values: object): Promise<void> =>
    store.telemetry.save({ entityId, ts, values: values as never });
  for (const scope of ['CLIENT_SCOPE', 'SHARED_SCOPE', 'SERVER_SCOPE'] as const) {
    await store.attributes.save({ entityId: id, scope, values: { z: 1, ...HARD, a: 2 }, ts: T0, onlyOnChange: false });
  }
  await store.attributes.save({
    entityId: TENANT.id,
    scope: 'SERVER_SCOPE',
    values: { t: 1 },
    ts: T0,
    onlyOnChange: false,
  });
  // Several chunks, late samples, times that are met twice, and one far away.
  for (let n = 0; n < 300; n++) await save(id, T0 + n * 40_000, { p: n, q: `v${n % 7}` });
  for (let n = 0; n < 80; n++) await save(id, T0 + (n % 40) * 40_000, { p: -n, late: n });
  await save(id, T0 - 400 * 24 * HOUR_MS, { old: 1 });
  await save(id, T0 + 300 * 40_000, HARD);
  await save(TENANT.id, T0, { all: 1 });
  await store.telemetry.save({ entityId: id, ts: T0 + 1, values: { unseen: 1 }, latest: false });
}

async function fillLater(store: Storage, id: DeviceId): Promise<void> {
  const originator = { entityType: 'DEVICE', id } as const;
  for (const type of ['hot', 'cold']) await store.alarms.raise({ ...ALARM, originator, type });
  const cold = await store.alarms.active(originator, 'cold');
  if (cold) await store.alarms.clear(cold.id, T0 + 5);
  await store.alarms.raise({ ...ALARM, originator, type: 'cold' });
  await store.alarmStates.save({ deviceId: id, at: { chain: 'c', node: 'n' }, state: { s: [1] }, dueAt: T0 + 3 });
  await store.alarmStates.save({ deviceId: id, at: { chain: 'c', node: 'm' }, state: 'x' });
  const call = {
    deviceId: id,
    createdAt: T0,
    expiresAt: T0 * 2,
    oneway: false,
    method: 'm',
    params: '{"n":1.0}',
    state: 'QUEUED',
    retries: 0,
  } as const;
  const calls = [0, 1, 2].map((n) => ({ ...call, id: newRpcId(T0 + n), createdAt: T0 + n }));
  for (const one of calls.toReversed()) await store.rpcs.create(one);
  if (calls[0]) await store.rpcs.update(calls[0].id, { state: 'SUCCESSFUL', at: T0 + 4, response: '1.0' });
  for (const [at, name] of ['b', 'a', 'c'].entries()) {
    await store.messages.put({ id: name, originator, dueAt: T0 + (at % 2), chain: 'c', node: 'n', sealed: 'x' });
    await store.deadLetters.put({
      id: name,
      at: T0 + at,
      originator,
      originatorName: 'one',
      chain: 'c',
      node: 'n',
      reason: 'r',
      msgType: 't',
      metadata: {},
      data: { ...HARD },
      retries: 0,
      sealed: 's',
    });
  }
}

async function fillOta(store: Storage, id: DeviceId): Promise<WholeStore['packageId']> {
  const entry = { id: newOtaPackageId(T0), kind: 'firmware', title: 'fw', version: '1', createdAt: T0 } as const;
  await store.ota.create(entry);
  await store.ota.beginContent(entry.id);
  const bytes = Buffer.alloc(OTA_BLOCK_BYTES + 9, 'x');
  for (const at of [0, 1]) {
    await store.ota.putBlock(entry.id, at, bytes.subarray(at * OTA_BLOCK_BYTES, (at + 1) * OTA_BLOCK_BYTES));
  }
  const content = {
    fileName: 'f',
    contentType: 'a/b',
    size: bytes.length,
    checksumAlgorithm: 'CRC32',
    checksum: '0',
  } as const;
  await store.ota.finishContent(entry.id, content);
  await store.ota.assignDevice(id, 'firmware', entry.id);
  await store.ota.announced(id, 'firmware', entry.id);
  await store.ota.assignProfile('meter', 'firmware', entry.id);
  return entry.id;
}

async function fillRecords(store: Storage): Promise<void> {
  for (const name of ['g1', 'g2']) {
    await store.generations.put({ id: name, at: T0, by: 'files', files: [{ path: 'a.json', text: '\ufeff{}' }] });
  }
  await store.documents.write(
    [
      { kind: 'serials', key: 'meter/1', text: '{"a":1}' },
      { kind: 'nonces', key: 'n-1', text: 'ünë', expiresAt: 4_000_000_000_000 },
    ],
    0,
  );
  await store.documents.write([{ kind: 'serials', key: 'meter/1', text: '{"a":2}' }], 0);
  for (const name of ['o2', 'o1']) await store.outbox.put({ id: name, bytes: Buffer.from([0, 255, 10]) });
  for (let n = 0; n < 7; n++)
    await store.audit.append({ at: T0 + n, action: 'a', by: 'b', subject: `s${n}`, outcome: 'ok' });
  await store.settings.put('key-check', 'a'.repeat(64));
  await store.settings.put('provision-secret:meter', 'hash');
}

/** What the ports answer about what `fillStore` has put there: the same of every store that holds it. */
export async function answersOf(store: Storage, { devices, gone, packageId }: WholeStore): Promise<object> {
  const first = { page: 0, pageSize: 100 };
  const id = devices[0]?.id ?? gone;
  const other = devices[1]?.id ?? gone;
  const device = { entityType: 'DEVICE', id } as const;
  const keys = ['p', 'q', 'late', 'old', 'unseen', '__proto__', ...Object.keys(HARD)];
  const range = { entityId: id, keys, startTs: 0, endTs: T0 * 2, limit: 1000 };
  const texts = (map: ReadonlyMap<string, unknown>): unknown =>
    [...map].map(([key, value]) => [key, stringifyJson(value as never)]);
  const scope = 'CLIENT_SCOPE';
  const alarms = await store.alarms.list(first);
  return {
    devices: await store.registry.devices(first),
    count: [await store.registry.deviceCount(), await store.registry.deviceCount('other')],
    byIndex: [await store.registry.credentials('index-2'), await store.registry.credentials('index-of-one')],
    former: await store.registry.formerCredentialsOf(id),
    byName: await store.registry.deviceByName('two'),
    due: await store.connectivity.due(T0 * 2, 10),
    assets: await store.assets.assets(first),
    relations: [await store.assets.relationsFrom(device), await store.assets.relationsTo(device)],
    suppliers: await store.suppliers.suppliers(first),
    byKey: await store.suppliers.supplierByKey('key-of-Sol'),
    attachments: await store.attachments.attachments(first),
    bySupplyPoint: await store.attachments.attachments({ ...first, supplyPointHash: 'hash of both' }),
    history: await Promise.all([id, other, gone].map((one) => store.attachments.history(one))),
    attributes: texts(await store.attributes.read(id, scope)),
    ofTenant: [
      texts(await store.attributes.read(TENANT.id, 'SERVER_SCOPE')),
      texts(await store.telemetry.latest(TENANT.id)),
    ],
    latest: [...(await store.telemetry.latest(id))]
      .map(([key, { ts, value }]) => [key, ts, stringifyJson(value)])
      .sort(),
    rising: texts(await store.telemetry.range({ ...range, order: 'ASC' })),
    newest: texts(await store.telemetry.range({ ...range, order: 'DESC', limit: 5 })),
    customers: [
      await store.customers.customers(first),
      await store.customers.customerOf(id),
      await store.customers.registration(other),
    ],
    users: [await store.users.users(first), await store.users.userByName('ana@x')],
    keys: [await store.apiKeys.list(), await store.apiKeys.byHash('key-hash')],
    alarms: stringifyJson(alarms as never),
    active: [(await store.alarms.active(device, 'cold'))?.cleared, await store.alarms.types()],
    states: [await store.alarmStates.load(id, { chain: 'c', node: 'm' }), await store.alarmStates.due(5)],
    calls: [await store.rpcs.list(id, first), await store.rpcs.undelivered(id, { now: T0, limit: 9 })],
    messages: [await store.messages.due(T0 * 2, 10), await store.messages.nextDue(T0), await store.messages.count()],
    letters: stringifyJson((await store.deadLetters.list(first)) as never),
    letter: (await store.deadLetters.get('b'))?.id,
    ota: [await store.ota.packages(first), await store.ota.device(id), await store.ota.profiles()],
    binary: (await store.ota.read(packageId, OTA_BLOCK_BYTES - 2, 20))?.toString(),
    generations: [await store.generations.list(), await store.generations.get('g1')],
    outbox: await store.outbox.list(undefined, 10),
    documents: [
      await store.documents.list('serials', { limit: 10, now: 0 }),
      await store.documents.list('nonces', { limit: 10, now: 0 }),
    ],
    audit: await store.audit.list(first),
    settings: [await store.settings.get('key-check'), await store.settings.get('provision-secret:meter')],
  };
}
