import type { Attachment } from '../model/attachment.ts';
import type { AssetId, DeviceId } from '../model/ids.ts';
import type { Msg } from '../model/msg.ts';
import { normaliseSupplyPoint, supplyPointSchemeIds } from '../model/supply-point/index.ts';
import type { AttachResult } from '../storage/attachment-store.ts';
import type { NodeContext } from './node-context.ts';
import { deviceOf, type ExampleWorld } from './node-kind.ts';

/** One active attachment by names, as test files write it. `supplyPoint` is the canonical code without suffix. */
export interface HeldPoint {
  readonly device: string;
  readonly supplier: string;
  readonly supplyPoint: string;
  readonly grid: string;
}

interface AttachCall {
  readonly msg: Msg;
  readonly request: Parameters<NodeContext['attach']>[1];
  readonly supplier: { readonly id: AssetId; readonly name: string };
  readonly now: number;
  readonly gridId: AssetId;
  idOf(device: string): DeviceId;
}

export interface TestAttachments {
  held(): readonly HeldPoint[];
  attach(call: AttachCall): AttachResult;
}

/** The rules of storage/attachment-store, over a list. */
export function createTestAttachments(given: NonNullable<ExampleWorld['attachments']>): TestAttachments {
  let held: HeldPoint[] = given.map((entry) => ({ grid: '', ...entry, supplyPoint: stemOf(entry.supplyPoint) }));
  return {
    held: () => [...held].sort((a, b) => (a.device < b.device ? -1 : 1)),
    attach({ msg, request, supplier, now, gridId, idOf }) {
      const { supplyPoint, grid, onConflict } = request;
      const device = msg.originator.name;
      const next: HeldPoint = { device, supplier: supplier.name, supplyPoint: supplyPoint.stem, grid: grid.code };
      const attachment: Attachment = {
        device: { id: deviceOf(msg).id, name: device },
        supplier: { id: supplier.id, name: supplier.name },
        supplyPoint,
        grid: { id: gridId, ...grid },
        since: now,
      };
      const own = held.find((entry) => entry.device === device);
      if (own && sameHolding(own, next)) return { kind: 'already-attached', attachment };
      const others = held.filter((entry) => entry.device !== device && entry.supplyPoint === next.supplyPoint);
      const [other] = others;
      if (other && onConflict === 'reject') return { kind: 'conflict', holder: idOf(other.device) };
      const moved = onConflict === 'move' ? others : [];
      held = [...held.filter((entry) => entry !== own && !moved.includes(entry)), next];
      if (moved.length > 0) return { kind: 'moved', attachment, from: moved.map((entry) => idOf(entry.device)) };
      return { kind: 'attached', attachment };
    },
  };
}

/** A given attachment without a grid matches any. */
function sameHolding(a: HeldPoint, b: HeldPoint): boolean {
  return a.supplier === b.supplier && a.supplyPoint === b.supplyPoint && (a.grid === '' || a.grid === b.grid);
}

/** The identity of a supply point: its stem, whatever way the code is written. */
export function stemOf(code: string): string {
  const [first, ...rest] = supplyPointSchemeIds;
  if (first === undefined) return code;
  const result = normaliseSupplyPoint(code, [first, ...rest]);
  return result.ok ? result.stem : code;
}
