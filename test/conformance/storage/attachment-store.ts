import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Asset } from '../../../src/model/entity.ts';
import type { AssetId, DeviceId } from '../../../src/model/ids.ts';
import type { AttachRequest } from '../../../src/storage/attachment-store.ts';
import { anAsset, aSupplier, type Bench, benchFor, type MakeStore, register } from './harness.ts';

const NOBODY = '0193b5f2-0000-7000-8000-000000000000';

export function attachmentConformance(name: string, make: MakeStore): void {
  describe(`${name}: attachments`, () => {
    const bench = benchFor(make);
    const attachments = () => bench.storage.attachments;
    let supplier: Asset;
    let other: Asset;
    let one: DeviceId;
    let two: DeviceId;
    beforeEach(async () => {
      supplier = await aSupplier(bench.storage);
      other = await aSupplier(bench.storage);
      one = await register(bench.storage);
      two = await register(bench.storage);
    });
    const request = (deviceId: DeviceId, change: Partial<AttachRequest> = {}): AttachRequest => ({
      deviceId,
      supplierId: supplier.id,
      supplyPoint: { scheme: 'cups', stem: 'ES999900000000000', suffix: '0F' },
      supplyPointHash: 'hash-1',
      grid: { code: '9999', name: 'North' },
      onConflict: 'reject',
      now: 100,
      by: 'chain:root/attach',
      ...change,
    });
    const events = async (id: DeviceId) => (await attachments().history(id)).map(({ event, at }) => `${event}@${at}`);
    const kindOf = async (change: AttachRequest) => (await attachments().attach(change)).kind;

    it('attaching makes record, assets, relations, lists and history in one step', async () => {
      const answer = await attachments().attach(request(one));
      const grid = await bench.storage.assets.assetByName('Grid', '9999');
      const point = await bench.storage.assets.assetByName('SupplyPoint', 'hash-1');
      const device = await bench.storage.registry.device(one);
      const attachment = {
        device: { id: one, name: device?.name },
        supplier: { id: supplier.id, name: supplier.name },
        supplyPoint: { scheme: 'cups', stem: 'ES999900000000000', suffix: '0F' },
        grid: { id: grid?.id, name: 'North', code: '9999' },
        since: 100,
      };
      expect(answer).toEqual({ kind: 'attached', attachment });
      expect(await attachments().attachment(one)).toEqual(attachment);
      expect(await attachments().history(one)).toEqual([
        { event: 'attached', at: 100, attachment, by: 'chain:root/attach' },
      ]);
      const to = { entityType: 'DEVICE', id: one } as const;
      expect(await bench.storage.assets.relationsTo(to)).toEqual([
        { from: { entityType: 'ASSET', id: grid?.id }, type: 'Feeds', to },
        { from: { entityType: 'ASSET', id: supplier.id }, type: 'Supplies', to },
      ]);
      expect(await bench.storage.assets.relationsFrom(to)).toEqual([
        { from: to, type: 'Measures', to: { entityType: 'ASSET', id: point?.id } },
      ]);
    });

    it('a repeat is already attached and writes nothing', async () => {
      await attachments().attach(request(one));
      const again = await attachments().attach(request(one, { now: 200, onConflict: 'move' }));
      expect(again.kind).toBe('already-attached');
      expect((await attachments().attachment(one))?.since).toBe(100);
      expect(await events(one)).toEqual(['attached@100']);
    });

    it('unknown devices and suppliers are named, and an asset of another type is no supplier', async () => {
      const grid = (await bench.storage.assets.ensureAsset(anAsset('Grid', 'g'))).asset;
      expect(await kindOf(request(NOBODY as DeviceId))).toBe('unknown-device');
      expect(await kindOf(request(one, { supplierId: NOBODY as AssetId }))).toBe('unknown-supplier');
      expect(await kindOf(request(one, { supplierId: grid.id }))).toBe('unknown-supplier');
      expect(await attachments().attachment(one)).toBeUndefined();
      expect(await bench.storage.assets.assetByName('SupplyPoint', 'hash-1')).toBeUndefined();
    });

    it('reject: the second device hears who holds the supply point, and nothing changes', async () => {
      await attachments().attach(request(one));
      await attachments().attach(request(two, { supplyPointHash: 'hash-2' }));
      expect(await attachments().attach(request(two, { now: 200 }))).toEqual({ kind: 'conflict', holder: one });
      expect(await events(two)).toEqual(['attached@100']);
      expect((await attachments().attachments({ supplyPointHash: 'hash-2', page: 0, pageSize: 5 })).totalElements).toBe(
        1,
      );
    });

    it('move: the former holder ends in the same step, with both histories', async () => {
      await attachments().attach(request(one));
      const answer = await attachments().attach(request(two, { onConflict: 'move', now: 200 }));
      expect(answer).toMatchObject({ kind: 'moved', from: [one] });
      expect(await attachments().attachment(one)).toBeUndefined();
      expect(await events(one)).toEqual(['attached@100', 'moved-out@200']);
      expect(await events(two)).toEqual(['moved-in@200']);
      expect(await bench.storage.assets.relationsTo({ entityType: 'DEVICE', id: one })).toEqual([]);
      expect(await bench.storage.assets.relationsFrom({ entityType: 'DEVICE', id: one })).toEqual([]);
    });

    it('allow: both hold it, and a move takes it from both', async () => {
      await attachments().attach(request(one));
      expect(await kindOf(request(two, { onConflict: 'allow' }))).toBe('attached');
      expect((await attachments().attachments({ supplyPointHash: 'hash-1', page: 0, pageSize: 5 })).totalElements).toBe(
        2,
      );
      const three = await register(bench.storage);
      const moved = await attachments().attach(request(three, { onConflict: 'move', now: 300 }));
      expect(moved.kind === 'moved' && [...moved.from].sort()).toEqual([one, two].sort());
      expect((await attachments().attachments({ page: 0, pageSize: 5 })).data.map(({ device }) => device.id)).toEqual([
        three,
      ]);
    });

    it('attaching a device elsewhere, to another supplier or grid, ends its former attachment', async () => {
      await attachments().attach(request(one));
      expect(await kindOf(request(one, { supplierId: other.id, now: 200 }))).toBe('attached');
      expect(
        await kindOf(request(one, { supplierId: other.id, grid: { code: '1234', name: 'South' }, now: 300 })),
      ).toBe('attached');
      expect(await kindOf(request(one, { supplierId: other.id, supplyPointHash: 'hash-9', now: 400 }))).toBe(
        'attached',
      );
      expect(await events(one)).toEqual([
        'attached@100',
        'ended@200',
        'attached@200',
        'ended@300',
        'attached@300',
        'ended@400',
        'attached@400',
      ]);
      expect(await bench.storage.assets.relationsTo({ entityType: 'DEVICE', id: one })).toHaveLength(2);
      expect(await kindOf(request(two))).toBe('attached');
    });

    it('end removes the attachment once and frees the supply point', async () => {
      const attached = await attachments().attach(request(one));
      expect(await attachments().end(one, 200, 'api-key:1')).toEqual(
        'attachment' in attached ? attached.attachment : undefined,
      );
      expect(await attachments().end(one, 200, 'api-key:1')).toBeUndefined();
      expect(await attachments().end(NOBODY as DeviceId, 200, 'x')).toBeUndefined();
      expect(await events(one)).toEqual(['attached@100', 'ended@200']);
      expect(await bench.storage.assets.relationsTo({ entityType: 'DEVICE', id: one })).toEqual([]);
      expect(await kindOf(request(two))).toBe('attached');
    });

    it('of fifty devices that want one supply point at once, one gets it', async () => {
      const ids = await Promise.all(Array.from({ length: 50 }, () => register(bench.storage)));
      const kinds = await Promise.all(ids.map((id) => kindOf(request(id))));
      expect(kinds.filter((kind) => kind === 'attached')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'conflict')).toHaveLength(49);
    });

    it('lists by device name with filters joined by and, in pages', async () => {
      const names = ['d', 'b', 'c', 'a'];
      const ids = await Promise.all(names.map((name) => register(bench.storage, { name })));
      for (const [i, id] of ids.entries()) {
        const supplierId = i < 3 ? supplier.id : other.id;
        await attachments().attach(request(id, { supplierId, supplyPointHash: `hash-${i % 2}`, onConflict: 'allow' }));
      }
      const list = async (query: Parameters<ReturnType<typeof attachments>['attachments']>[0]) => {
        const page = await attachments().attachments(query);
        return [page.data.map(({ device }) => device.name), page.totalElements, page.hasNext];
      };
      expect(await list({ page: 0, pageSize: 3 })).toEqual([['a', 'b', 'c'], 4, true]);
      expect(await list({ page: 1, pageSize: 3 })).toEqual([['d'], 4, false]);
      expect(await list({ page: 0, pageSize: 9, supplierId: supplier.id })).toEqual([['b', 'c', 'd'], 3, false]);
      expect(await list({ page: 0, pageSize: 9, supplyPointHash: 'hash-1' })).toEqual([['a', 'b'], 2, false]);
      expect(await list({ page: 0, pageSize: 9, supplyPointHash: 'hash-1', supplierId: other.id })).toEqual([
        ['a'],
        1,
        false,
      ]);
      const device = ids[0] as DeviceId;
      expect(await list({ page: 0, pageSize: 9, deviceId: device })).toEqual([['d'], 1, false]);
      expect(await list({ page: 0, pageSize: 9, deviceId: device, supplierId: other.id })).toEqual([[], 0, false]);
      expect(await list({ page: 0, pageSize: 9, deviceId: NOBODY as DeviceId })).toEqual([[], 0, false]);
      expect(await list({ page: 0, pageSize: 9, supplierId: NOBODY as AssetId })).toEqual([[], 0, false]);
    });

    it('any order of attach, move, end and delete keeps one holder per supply point and a complete history', async () => {
      const step = fc.record({
        kind: fc.constantFrom('attach', 'attach', 'attach', 'move', 'end', 'delete', 'reopen'),
        device: fc.nat(3),
        point: fc.nat(2),
        supplier: fc.nat(1),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          await checkSteps(bench, [supplier, other], steps);
        }),
        { numRuns: 40 },
      );
    });
  });
}

interface Step {
  readonly kind: string;
  readonly device: number;
  readonly point: number;
  readonly supplier: number;
}

/** Plays the steps on the store and on a map from device to what it is attached to, and compares after each. */
async function checkSteps(bench: Bench, suppliers: readonly Asset[], steps: readonly Step[]): Promise<void> {
  const ids = await Promise.all([0, 1, 2, 3].map(() => register(bench.storage)));
  const run = ids[0] ?? '';
  const gone = new Set<DeviceId>();
  const active = new Map<DeviceId, string>();
  const lines = new Map<DeviceId, string[]>(ids.map((id) => [id, []]));
  const log = (id: DeviceId, event: string) => lines.get(id)?.push(event);
  for (const [now, { kind, device, point, supplier }] of steps.entries()) {
    const id = ids[device] as DeviceId;
    const hash = `${run}-point-${point}`;
    const target = `${hash} ${supplier}`;
    if (kind === 'reopen') await bench.reopen();
    else if (kind === 'delete') {
      expect(await bench.storage.registry.deleteDevice(id, now, 'test')).toBe(!gone.has(id));
      if (active.delete(id)) log(id, 'ended');
      gone.add(id);
    } else if (kind === 'end') {
      expect((await bench.storage.attachments.end(id, now, 'test')) !== undefined).toBe(active.has(id));
      if (active.delete(id)) log(id, 'ended');
    } else {
      const holders = ids.filter((holder) => holder !== id && active.get(holder)?.startsWith(`${hash} `));
      const answer = await bench.storage.attachments.attach({
        deviceId: id,
        supplierId: (suppliers[supplier] as Asset).id,
        supplyPoint: { scheme: 'cups', stem: `ES${point}` },
        supplyPointHash: hash,
        grid: { code: '9999', name: 'G' },
        onConflict: kind === 'move' ? 'move' : 'reject',
        now,
        by: 'test',
      });
      if (gone.has(id)) expect(answer.kind).toBe('unknown-device');
      else if (active.get(id) === target) expect(answer.kind).toBe('already-attached');
      else if (holders.length > 0 && kind !== 'move') expect(answer).toEqual({ kind: 'conflict', holder: holders[0] });
      else {
        expect(answer.kind).toBe(holders.length > 0 ? 'moved' : 'attached');
        for (const holder of holders) {
          active.delete(holder);
          log(holder, 'moved-out');
        }
        if (active.has(id)) log(id, 'ended');
        log(id, holders.length > 0 ? 'moved-in' : 'attached');
        active.set(id, target);
      }
    }
    await compare(bench, ids, { active, lines, suppliers });
  }
  for (const id of ids) await bench.storage.registry.deleteDevice(id, 0, 'test');
}

async function compare(
  { storage }: Bench,
  ids: readonly DeviceId[],
  model: { active: Map<DeviceId, string>; lines: Map<DeviceId, string[]>; suppliers: readonly Asset[] },
): Promise<void> {
  const { active, lines, suppliers } = model;
  expect((await storage.attachments.attachments({ page: 0, pageSize: 100 })).totalElements).toBe(active.size);
  for (const id of ids) {
    const attachment = await storage.attachments.attachment(id);
    expect(attachment === undefined).toBe(!active.has(id));
    expect((await storage.attachments.history(id)).map(({ event }) => event)).toEqual(lines.get(id));
    const device = { entityType: 'DEVICE', id } as const;
    const relations = [...(await storage.assets.relationsTo(device)), ...(await storage.assets.relationsFrom(device))];
    expect(relations.map(({ type }) => type)).toEqual(
      attachment === undefined ? [] : ['Feeds', 'Supplies', 'Measures'],
    );
    if (attachment !== undefined) expect(suppliers.map((asset) => asset.id)).toContain(attachment.supplier.id);
  }
  for (const target of active.values()) {
    const supplyPointHash = target.split(' ')[0] ?? '';
    expect((await storage.attachments.attachments({ supplyPointHash, page: 0, pageSize: 9 })).totalElements).toBe(1);
  }
}
