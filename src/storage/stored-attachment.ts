import type { Attachment, AttachmentHistoryEntry } from '../model/attachment.ts';
import type { Relation } from '../model/entity.ts';

/** An attachment at rest: with the ids that only the store needs. */
export interface StoredAttachment extends Attachment {
  readonly supplyPointHash: string;
  readonly supplyPointId: string;
}

export interface StoredHistoryEntry extends AttachmentHistoryEntry {
  readonly attachment: StoredAttachment;
}

export function publicAttachment(stored: StoredAttachment): Attachment {
  const { supplyPointHash: _, supplyPointId: __, ...attachment } = stored;
  return attachment;
}

/** The relations that stand and fall with an attachment. */
export function relationsOf(stored: StoredAttachment): readonly Relation[] {
  const device = { entityType: 'DEVICE', id: stored.device.id } as const;
  const asset = (id: string) => ({ entityType: 'ASSET', id }) as const;
  return [
    { from: asset(stored.supplier.id), type: 'Supplies', to: device },
    { from: asset(stored.grid.id), type: 'Feeds', to: device },
    { from: device, type: 'Measures', to: asset(stored.supplyPointId) },
  ];
}
