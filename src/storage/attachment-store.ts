import type { Attachment, AttachmentHistoryEntry, ConflictPolicy, Grid, SupplyPoint } from '../model/attachment.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import type { AssetId, DeviceId } from '../model/ids.ts';

export interface AttachRequest {
  readonly deviceId: DeviceId;
  readonly supplierId: AssetId;
  readonly supplyPoint: SupplyPoint;
  /** Keyed hash of scheme and stem: the identity of the supply point in the store. */
  readonly supplyPointHash: string;
  readonly grid: Grid;
  readonly onConflict: ConflictPolicy;
  readonly now: number;
  readonly by: string;
}

export type AttachResult =
  | { readonly kind: 'attached'; readonly attachment: Attachment }
  /** The same device, supplier, supply point and grid: nothing was written. */
  | { readonly kind: 'already-attached'; readonly attachment: Attachment }
  /** `move`: the former holder's attachment ended in the same step. */
  | { readonly kind: 'moved'; readonly attachment: Attachment; readonly from: readonly DeviceId[] }
  | { readonly kind: 'conflict'; readonly holder: DeviceId }
  | { readonly kind: 'unknown-device' }
  | { readonly kind: 'unknown-supplier' };

export interface AttachmentListQuery extends PageQuery {
  readonly deviceId?: DeviceId;
  readonly supplyPointHash?: string;
  readonly supplierId?: AssetId;
}

/**
 * Attachments with history.
 * `attach` is ONE atomic step: checks, the assets `SupplyPoint` (named by `supplyPointHash`) and `Grid` (named by grid code) when
 * missing, the relations `Supplies`, `Feeds`, `Measures`, the record, the indexes and the history line; a half attachment cannot be seen.
 * A device has at most one active attachment: attaching it elsewhere ends the former one in the same step (history `ended`).
 * A supply point has at most one active holder unless `onConflict` is `allow`.
 */
export interface AttachmentStore {
  attach(request: AttachRequest): Promise<AttachResult>;
  /** Ends the active attachment and removes its relations; undefined when there is none. */
  end(deviceId: DeviceId, now: number, by: string): Promise<Attachment | undefined>;
  attachment(deviceId: DeviceId): Promise<Attachment | undefined>;
  /** Active attachments; ordered by device name. Filters are joined by and. */
  attachments(query: AttachmentListQuery): Promise<Page<Attachment>>;
  /**
   * Oldest first. Survives the device's deletion, from when on its supply points are named by `hmac:` and their hash only
   * (cups.md 7).
   */
  history(deviceId: DeviceId): Promise<readonly AttachmentHistoryEntry[]>;
}
