import type { AssetId, DeviceId } from './ids.ts';

/** A supply point as its scheme names it; `stem` is the identity, `suffix` a meter position on it (cups.md 1). */
export interface SupplyPoint {
  readonly scheme: string;
  readonly stem: string;
  readonly suffix?: string;
}

/** Relations and types of assets that attachments are made of: written by attaching alone, so that none is ever half there. */
export const ATTACHMENT_RELATIONS: ReadonlySet<string> = new Set(['Supplies', 'Feeds', 'Measures']);
export const ATTACHMENT_ASSETS: ReadonlySet<string> = new Set(['PowerSupplier', 'Grid', 'SupplyPoint']);

export interface Grid {
  /** Distributor code or longer prefix; `unknown:DDDD` when no table names it. */
  readonly code: string;
  readonly name: string;
}

/** The record that binds one device to supplier, supply point and grid. */
export interface Attachment {
  readonly device: { readonly id: DeviceId; readonly name: string };
  readonly supplier: { readonly id: AssetId; readonly name: string };
  readonly supplyPoint: SupplyPoint;
  readonly grid: { readonly id: AssetId; readonly name: string; readonly code: string };
  /** Milliseconds since 1970. */
  readonly since: number;
}

export type AttachmentEvent = 'attached' | 'moved-in' | 'moved-out' | 'ended';

/** One line of a device's attachment history, oldest first. */
export interface AttachmentHistoryEntry {
  readonly event: AttachmentEvent;
  readonly at: number;
  readonly attachment: Attachment;
  /** Who did it: `chain:<chain>/<node>`, `api-key:<id>` … */
  readonly by: string;
}

export const CONFLICT_POLICIES = ['reject', 'move', 'allow'] as const;
/** What happens when another device holds the supply point: refuse, move it over, or let both hold it. */
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];
