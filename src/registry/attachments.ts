import { BrokerError } from '../errors.ts';
import type { Attachment, AttachmentHistoryEntry, ConflictPolicy, Grid, SupplyPoint } from '../model/attachment.ts';
import type { Clock } from '../model/clock.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import type { AssetId, DeviceId } from '../model/ids.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { maskSupplyPoint } from '../model/supply-point/mask.ts';
import type { AttachmentStore, AttachResult } from '../storage/attachment-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';

export interface AttachOptions {
  readonly deviceId: DeviceId;
  readonly supplierId: AssetId;
  /** Canonical: the stem is the identity, so both forms of a CUPS are one supply point. */
  readonly supplyPoint: SupplyPoint;
  readonly grid: Grid;
  readonly onConflict: ConflictPolicy;
  readonly by: string;
}

/** Which device measures which supply point, for which supplier, on which grid; and since when. */
export interface Attachments {
  attach(options: AttachOptions): Promise<AttachResult>;
  /** Ends the active attachment. Throws ATTACHMENT_NOT_FOUND. */
  end(deviceId: DeviceId, by: string): Promise<Attachment>;
  attachment(deviceId: DeviceId): Promise<Attachment | undefined>;
  list(
    query: PageQuery & {
      readonly deviceId?: DeviceId;
      readonly supplyPoint?: SupplyPoint;
      readonly supplierId?: AssetId;
    },
  ): Promise<Page<Attachment>>;
  history(deviceId: DeviceId): Promise<readonly AttachmentHistoryEntry[]>;
  /** `ES0021…LB#3fa91c`: what may be printed of a supply point (cups.md 7). */
  mask(supplyPoint: SupplyPoint): string;
}

export interface AttachmentsParts {
  readonly store: AttachmentStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

export function createAttachments({ store, audit, hash, clock }: AttachmentsParts): Attachments {
  const hashOf = (point: SupplyPoint): string => hash.hash('supply-point', `${point.scheme}|${point.stem}`);
  const mask = (point: SupplyPoint): string => maskSupplyPoint(point.stem, hashOf(point));
  return {
    async attach(options) {
      const now = clock.now();
      const result = await store.attach({ ...options, supplyPointHash: hashOf(options.supplyPoint), now });
      if (result.kind !== 'already-attached') {
        await audit.append({
          at: now,
          action: 'attachment.attach',
          by: options.by,
          subject: `device:${options.deviceId}`,
          outcome: result.kind,
          facts: { supplyPoint: mask(options.supplyPoint), supplier: options.supplierId, grid: options.grid.code },
        });
      }
      return result;
    },

    async end(deviceId, by) {
      const now = clock.now();
      const ended = await store.end(deviceId, now, by);
      if (!ended) throw new BrokerError('ATTACHMENT_NOT_FOUND', { device: deviceId });
      await audit.append({ at: now, action: 'attachment.end', by, subject: `device:${deviceId}`, outcome: 'ended' });
      return ended;
    },

    attachment: (deviceId) => store.attachment(deviceId),

    list({ supplyPoint, ...query }) {
      return store.attachments({ ...query, ...(supplyPoint ? { supplyPointHash: hashOf(supplyPoint) } : {}) });
    },

    history: (deviceId) => store.history(deviceId),
    mask,
  };
}
