import type { DeviceId } from '../../src/model/ids.ts';
import { type JsonValue, stringifyJson } from '../../src/model/json.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { Trace } from './journal.ts';

export interface AttachmentFacts {
  readonly device: string;
  readonly stem: string;
  /** Parts that a whole attachment has and this one lacks. */
  readonly missing: readonly string[];
}

/** What a store holds, as plain data; devices by name, values as exact JSON text. */
export interface StoreView {
  readonly devices: readonly { readonly id: string; readonly name: string }[];
  readonly deviceCount: number;
  readonly devicesWithCredentials: ReadonlySet<string>;
  /** Of the tokens in the journal that open a session: token -> device id. */
  readonly tokenOwners: ReadonlyMap<string, string>;
  /** Device -> ts -> key -> value. */
  readonly telemetry: ReadonlyMap<string, ReadonlyMap<number, ReadonlyMap<string, string>>>;
  /** Client scope: device -> key -> value. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly attachments: readonly AttachmentFacts[];
  /** Oldest first. */
  readonly history: ReadonlyMap<string, readonly { readonly event: string; readonly stem: string }[]>;
  /** Relations of the attachment kinds that no attachment explains. */
  readonly strayRelations: readonly string[];
  /** Messages that ended as dead letters, whole and to be tried again: device, space, sequence number. */
  readonly deadLettered?: ReadonlySet<string>;
  readonly audit: readonly { readonly action: string; readonly subject: string; readonly outcome: string }[];
}

export interface ViewOptions {
  /** Opens the store of the stopped brokers. */
  readonly open: () => Promise<Storage>;
  /** The instance key that the broker ran with. */
  readonly instanceKey: string;
  readonly telemetryKeys: readonly string[];
  readonly trace: Trace;
}

/** Opens the store, reads all that the checker judges, and closes it. */
export async function readStoreView(options: ViewOptions): Promise<StoreView> {
  const store = await options.open();
  try {
    return await viewOf(store, options);
  } finally {
    await store.close();
  }
}

async function viewOf(store: Storage, { instanceKey, telemetryKeys, trace }: ViewOptions): Promise<StoreView> {
  const hash = createKeyedHash(Buffer.from(instanceKey, 'utf8'));
  const devices = await allPages((page) => store.registry.devices({ page, pageSize: 500 }));
  const telemetry = new Map<string, Map<number, Map<string, string>>>();
  const attributes = new Map<string, Map<string, string>>();
  const history = new Map<string, { event: string; stem: string }[]>();
  const devicesWithCredentials = new Set<string>();
  for (const { id, name } of devices) {
    telemetry.set(name, await readSeries(store, id, telemetryKeys));
    const client = await store.attributes.read(id, 'CLIENT_SCOPE');
    attributes.set(name, new Map([...client].map(([key, { value }]) => [key, stringifyJson(value)])));
    const lines = await store.attachments.history(id);
    history.set(
      name,
      lines.map(({ event, attachment }) => ({ event, stem: attachment.supplyPoint.stem })),
    );
    if (await store.registry.credentialsOf(id)) devicesWithCredentials.add(name);
  }
  const tokenOwners = new Map<string, string>();
  for (const { token, answer } of trace.asks) {
    for (const text of [token, answer?.token]) {
      const owner = text && (await store.registry.credentials(hash.hash('credentials-name', text)))?.deviceId;
      if (text && owner) tokenOwners.set(text, owner);
    }
  }
  const supplyPointHash = (scheme: string, stem: string): string => hash.hash('supply-point', `${scheme}|${stem}`);
  const attached = await readAttachments(store, devices, supplyPointHash);
  const letters = await allPages((page) => store.deadLetters.list({ page, pageSize: 500 }));
  const deadLettered = new Set(letters.map(({ originatorName, data }) => `${originatorName} ${numberIn(data)}`));
  const audit = await allPages((page) => store.audit.list({ page, pageSize: 500 }));
  return {
    devices: devices.map(({ id, name }) => ({ id, name })),
    deviceCount: await store.registry.deviceCount(),
    devicesWithCredentials,
    tokenOwners,
    telemetry,
    attributes,
    history,
    ...attached,
    deadLettered,
    audit,
  };
}

/** The number that each message of a fleet carries. */
function numberIn(data: JsonValue): string {
  const { seq, mark } = data as { readonly seq?: JsonValue; readonly mark?: JsonValue };
  return stringifyJson(seq ?? mark ?? null);
}

async function readSeries(
  store: Storage,
  deviceId: DeviceId,
  keys: readonly string[],
): Promise<Map<number, Map<string, string>>> {
  const series = new Map<number, Map<string, string>>();
  const query = { entityId: deviceId, keys, startTs: 0, endTs: 2 ** 53, limit: 10_000_000, order: 'ASC' } as const;
  for (const [key, points] of await store.telemetry.range(query)) {
    for (const { ts, value } of points) {
      const values = series.get(ts) ?? new Map<string, string>();
      series.set(ts, values.set(key, stringifyJson(value)));
    }
  }
  return series;
}

async function readAttachments(
  store: Storage,
  devices: readonly { readonly id: DeviceId; readonly name: string }[],
  supplyPointHash: (scheme: string, stem: string) => string,
): Promise<Pick<StoreView, 'attachments' | 'strayRelations'>> {
  const attachments: AttachmentFacts[] = [];
  const strayRelations: string[] = [];
  const listed = await allPages((page) => store.attachments.attachments({ page, pageSize: 500 }));
  const inList = new Set(listed.map(({ device }) => device.id));
  const bySupplier = new Map<string, ReadonlySet<string>>();
  for (const { asset } of await allPages((page) => store.suppliers.suppliers({ page, pageSize: 500 }))) {
    const query = { pageSize: 500, supplierId: asset.id };
    const held = await allPages((page) => store.attachments.attachments({ ...query, page }));
    bySupplier.set(asset.id, new Set(held.map(({ device }) => device.id)));
  }
  for (const { id, name } of devices) {
    const record = await store.attachments.attachment(id);
    const entity = { entityType: 'DEVICE', id } as const;
    const to = await store.assets.relationsTo(entity);
    const from = await store.assets.relationsFrom(entity);
    if (!record) {
      if (inList.has(id)) attachments.push({ device: name, stem: 'unknown', missing: ['the record'] });
      for (const { type } of [...to, ...from]) strayRelations.push(`${type} of ${name}`);
      continue;
    }
    const { supplier, grid, supplyPoint } = record;
    const holds = (page: { readonly data: readonly { readonly device: { readonly id: string } }[] }): boolean =>
      page.data.some(({ device }) => device.id === id);
    const hash = supplyPointHash(supplyPoint.scheme, supplyPoint.stem);
    const point = await store.assets.assetByName('SupplyPoint', hash);
    const linked = (type: string, peer: string | undefined): boolean =>
      peer !== undefined &&
      (to.some((relation) => relation.type === type && relation.from.id === peer) ||
        from.some((relation) => relation.type === type && relation.to.id === peer));
    const parts: readonly (readonly [string, boolean])[] = [
      ['its place in the list', inList.has(id)],
      ['its supplier', (await store.suppliers.supplier(supplier.id)) !== undefined],
      ['its grid', (await store.assets.asset(grid.id)) !== undefined],
      ['its supply point', point !== undefined],
      ['the index by supplier', bySupplier.get(supplier.id)?.has(id) === true],
      [
        'the index by supply point',
        holds(await store.attachments.attachments({ page: 0, pageSize: 500, supplyPointHash: hash })),
      ],
      ['the relation Supplies', linked('Supplies', supplier.id)],
      ['the relation Feeds', linked('Feeds', grid.id)],
      ['the relation Measures', linked('Measures', point?.id)],
    ];
    const missing = parts.filter(([, there]) => !there).map(([part]) => part);
    attachments.push({ device: name, stem: supplyPoint.stem, missing });
    if (to.length + from.length > 3) strayRelations.push(`${to.length + from.length - 3} too many of ${name}`);
  }
  const known = new Set<string>(devices.map(({ id }) => id));
  for (const { device } of listed)
    if (!known.has(device.id)) strayRelations.push(`attachment of a missing ${device.name}`);
  return { attachments, strayRelations };
}

async function allPages<T>(
  read: (page: number) => Promise<{ readonly data: readonly T[]; readonly hasNext: boolean }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let page = 0; ; page++) {
    const { data, hasNext } = await read(page);
    all.push(...data);
    if (!hasNext) return all;
  }
}
