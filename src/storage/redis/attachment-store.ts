import type { Attachment } from '../../model/attachment.ts';
import type { Device } from '../../model/device.ts';
import type { Asset, Page } from '../../model/entity.ts';
import { type AssetId, type DeviceId, newAssetId } from '../../model/ids.ts';
import type { AttachmentListQuery, AttachmentStore, AttachRequest, AttachResult } from '../attachment-store.ts';
import { publicAttachment, type StoredAttachment } from '../stored-attachment.ts';
import { ensureAsset } from './assets.ts';
import { addHistory, endAttachment, listHistory, writeAttachment } from './attachments.ts';
import { type Commits, type Draft, membersOf } from './commit.ts';
import { closed, isId, KEYS, suppliedKey } from './keys.ts';
import { idOfMember, pageOfNames, recordOf, recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { pageOfList } from './records.ts';
import { SUPPLIER_TYPE } from './supplier-store.ts';

export function createAttachmentStore(queue: Queue, commits: Commits): AttachmentStore {
  return {
    attach: (request) => commits.run(request.deviceId, (draft) => attach(draft, request), 1024),
    async end(deviceId, now, by) {
      if (!isId(deviceId)) return undefined;
      const ending = { id: deviceId, event: 'ended', now, by } as const;
      const ended = await commits.run(deviceId, (draft) => endAttachment(draft, ending));
      return ended && publicAttachment(ended);
    },
    async attachment(deviceId) {
      const stored = await recordOf<StoredAttachment>(queue, KEYS.attachments, deviceId);
      return stored && publicAttachment(stored);
    },
    attachments: (query) => list(queue, query),
    history: (deviceId) => listHistory(queue, deviceId),
  };
}

async function attach(draft: Draft, request: AttachRequest): Promise<AttachResult> {
  const { deviceId, now, by, supplyPointHash } = request;
  if (!isId(deviceId)) return { kind: 'unknown-device' };
  const [device, supplier, current, points] = await Promise.all([
    draft.record<Device>(KEYS.devices, deviceId),
    draft.record<Asset>(KEYS.assets, request.supplierId),
    draft.record<StoredAttachment>(KEYS.attachments, deviceId),
    draft.members(KEYS.attachmentPoints, closed(supplyPointHash)),
  ]);
  if (device === undefined) return { kind: 'unknown-device' };
  if (supplier?.type !== SUPPLIER_TYPE) return { kind: 'unknown-supplier' };
  if (
    current?.supplier.id === supplier.id &&
    current.supplyPointHash === supplyPointHash &&
    current.grid.code === request.grid.code
  ) {
    return { kind: 'already-attached', attachment: publicAttachment(current) };
  }
  const holders = points.map(idOfMember).filter((holder) => holder !== deviceId);
  const [first] = holders;
  if (first !== undefined && request.onConflict === 'reject') return { kind: 'conflict', holder: first as DeviceId };
  const moved = request.onConflict === 'move' ? holders : [];
  for (const holder of moved) await endAttachment(draft, { id: holder, event: 'moved-out', now, by });
  await endAttachment(draft, { id: deviceId, event: 'ended', now, by });
  const stored = await newAttachment(draft, device, supplier, request);
  writeAttachment(draft, stored);
  addHistory(draft, stored, { id: deviceId, event: moved.length > 0 ? 'moved-in' : 'attached', now, by });
  const attachment = publicAttachment(stored);
  if (moved.length === 0) return { kind: 'attached', attachment };
  return { kind: 'moved', attachment, from: moved.map((holder) => holder as DeviceId) };
}

/** Makes the assets of grid and supply point when missing. */
async function newAttachment(
  draft: Draft,
  device: Device,
  supplier: Asset,
  { now, grid, supplyPoint, supplyPointHash }: AttachRequest,
): Promise<StoredAttachment> {
  const named = async (type: string, name: string): Promise<AssetId> =>
    (await ensureAsset(draft, { id: newAssetId(now), type, name, createdAt: now })).asset.id;
  const [gridId, supplyPointId] = await Promise.all([named('Grid', grid.code), named('SupplyPoint', supplyPointHash)]);
  return {
    device: { id: device.id, name: device.name },
    supplier: { id: supplier.id, name: supplier.name },
    supplyPoint,
    grid: { id: gridId, name: grid.name, code: grid.code },
    since: now,
    supplyPointHash,
    supplyPointId,
  };
}

/** A list with one filter or none reads its index; further filters are applied to what the narrowest index gives. */
async function list(queue: Queue, query: AttachmentListQuery): Promise<Page<Attachment>> {
  const { deviceId, supplyPointHash, supplierId } = query;
  if (deviceId === undefined && supplyPointHash === undefined) {
    if (supplierId !== undefined && !isId(supplierId)) return pageOfList([], query);
    const index = supplierId === undefined ? KEYS.attachmentNames : suppliedKey(supplierId);
    const page = await pageOfNames<StoredAttachment>(queue, { index, records: KEYS.attachments }, query);
    return { ...page, data: page.data.map(publicAttachment) };
  }
  const points = async () =>
    (await membersOf(queue, KEYS.attachmentPoints, closed(supplyPointHash ?? ''))).map(idOfMember);
  const ids = deviceId === undefined ? await points() : [deviceId];
  const matches = (await recordsOf<StoredAttachment>(queue, KEYS.attachments, ids))
    .filter((stored) => supplyPointHash === undefined || stored.supplyPointHash === supplyPointHash)
    .filter((stored) => supplierId === undefined || stored.supplier.id === supplierId);
  return pageOfList(matches.map(publicAttachment), query);
}
