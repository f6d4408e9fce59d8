import type { Device } from '../../model/device.ts';
import type { Asset } from '../../model/entity.ts';
import { type AssetId, type DeviceId, newAssetId } from '../../model/ids.ts';
import type { AttachmentListQuery, AttachmentStore, AttachRequest, AttachResult } from '../attachment-store.ts';
import { publicAttachment, type StoredAttachment } from '../stored-attachment.ts';
import { ensureAsset } from './assets.ts';
import { addHistory, endAttachment, listHistory, supplyPointPrefix, writeAttachment } from './attachments.ts';
import type { Committer } from './committer.ts';
import type { Environment, Span, Table, Tables } from './environment.ts';
import { idKey, idText, prefixEnd } from './keys.ts';
import { getJson, pageOf, pageOfList } from './records.ts';
import type { Tx } from './sequence.ts';
import { SUPPLIER_TYPE } from './supplier-records.ts';

export function createAttachmentStore({ tables }: Environment, committer: Committer): AttachmentStore {
  return {
    attach: (request) => committer.run((tx) => attach(tables, tx, request)),
    async end(deviceId, now, by) {
      const id = idKey(deviceId);
      if (id === undefined) return undefined;
      const ended = await committer.run((tx) => endAttachment(tables, tx, { id, event: 'ended', now, by }));
      return ended && publicAttachment(ended);
    },
    async attachment(deviceId) {
      const id = idKey(deviceId);
      const stored = id && getJson<StoredAttachment>(tables.attachments, id);
      return stored && publicAttachment(stored);
    },
    attachments: async (query) => list(tables, query),
    async history(deviceId) {
      const id = idKey(deviceId);
      return id === undefined ? [] : listHistory(tables, id);
    },
  };
}

function attach(tables: Tables, tx: Tx, request: AttachRequest): AttachResult {
  const { now, by, supplyPointHash } = request;
  const id = idKey(request.deviceId);
  const device = id && getJson<Device>(tables.devices, id);
  if (id === undefined || device === undefined) return { kind: 'unknown-device' };
  const supplierId = idKey(request.supplierId);
  const supplier = supplierId && getJson<Asset>(tables.assets, supplierId);
  if (supplier?.type !== SUPPLIER_TYPE) return { kind: 'unknown-supplier' };
  const current = getJson<StoredAttachment>(tables.attachments, id);
  if (
    current?.supplier.id === supplier.id &&
    current.supplyPointHash === supplyPointHash &&
    current.grid.code === request.grid.code
  ) {
    return { kind: 'already-attached', attachment: publicAttachment(current) };
  }
  const holders = holdersOf(tables, supplyPointHash).filter((holder) => !holder.equals(id));
  const [first] = holders;
  if (first !== undefined && request.onConflict === 'reject') {
    return { kind: 'conflict', holder: idText(first) as DeviceId };
  }
  const moved = request.onConflict === 'move' ? holders : [];
  for (const holder of moved) endAttachment(tables, tx, { id: holder, event: 'moved-out', now, by });
  endAttachment(tables, tx, { id, event: 'ended', now, by });
  const stored = store(tables, { id, device, supplier, request });
  addHistory(tables, tx, stored, { id, event: moved.length > 0 ? 'moved-in' : 'attached', now, by });
  const attachment = publicAttachment(stored);
  if (moved.length === 0) return { kind: 'attached', attachment };
  return { kind: 'moved', attachment, from: moved.map((holder) => idText(holder) as DeviceId) };
}

/** Assets when missing, record, indexes and relations of the new attachment. */
function store(
  tables: Tables,
  what: { id: Buffer; device: Device; supplier: Asset; request: AttachRequest },
): StoredAttachment {
  const { id, device, supplier, request } = what;
  const { now, supplyPoint, supplyPointHash } = request;
  const named = (type: string, name: string): AssetId =>
    ensureAsset(tables, { id: newAssetId(now), type, name, createdAt: now }).asset.id;
  const stored: StoredAttachment = {
    device: { id: device.id, name: device.name },
    supplier: { id: supplier.id, name: supplier.name },
    supplyPoint,
    grid: { id: named('Grid', request.grid.code), name: request.grid.name, code: request.grid.code },
    since: now,
    supplyPointHash,
    supplyPointId: named('SupplyPoint', supplyPointHash),
  };
  writeAttachment(tables, id, stored);
  return stored;
}

function holdersOf({ attachmentsBySupplyPoint }: Tables, hash: string): readonly Buffer[] {
  const prefix = supplyPointPrefix(hash);
  return [...attachmentsBySupplyPoint.entries({ from: prefix, to: prefixEnd(prefix) })].map(({ value }) => value);
}

/** A list with one filter or none reads its index; further filters are applied to what the narrowest index gives. */
function list(
  tables: Tables,
  query: AttachmentListQuery,
): ReturnType<typeof pageOfList<ReturnType<typeof publicAttachment>>> {
  const at = (id: Buffer): StoredAttachment | undefined => getJson<StoredAttachment>(tables.attachments, id);
  const supplier = query.supplierId === undefined ? undefined : idKey(query.supplierId);
  if (query.deviceId === undefined && query.supplyPointHash === undefined) {
    if (query.supplierId !== undefined && supplier === undefined) return pageOfList([], query);
    const [table, span] = supplierIndex(tables, supplier);
    const toItem = (_: Buffer, id: Buffer) => {
      const stored = at(id);
      return stored && publicAttachment(stored);
    };
    return pageOf(table, span, { ...query, total: table.count(span), toItem });
  }
  const device = query.deviceId === undefined ? undefined : idKey(query.deviceId);
  const ids = device ? [device] : query.deviceId === undefined ? holdersOf(tables, query.supplyPointHash ?? '') : [];
  const matches = ids
    .map(at)
    .filter((stored) => stored !== undefined)
    .filter((stored) => query.supplyPointHash === undefined || stored.supplyPointHash === query.supplyPointHash)
    .filter((stored) => query.supplierId === undefined || stored.supplier.id === query.supplierId);
  return pageOfList(matches.map(publicAttachment), query);
}

function supplierIndex(tables: Tables, supplier: Buffer | undefined): [Table, Span] {
  if (supplier !== undefined) return [tables.attachmentsBySupplier, { from: supplier, to: prefixEnd(supplier) }];
  return [tables.attachmentsByName, { from: Buffer.from([1]), to: Buffer.from([2]) }];
}
