import type { ConflictPolicy, Grid, SupplyPoint } from '../model/attachment.ts';
import type { AssetId } from '../model/ids.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Msg } from '../model/msg.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { AttachResult } from '../storage/attachment-store.ts';

/** Answer of a supplier look-up; unknown, revoked, expired and wrong keys are one and the same `not-found`. */
export type SupplierMatch =
  | { readonly kind: 'found'; readonly id: AssetId; readonly name: string; readonly kid: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number };

/**
 * What a rule node may do to the world. Implemented by the device API, and by the chain tester over an in-memory store.
 * Writes are queued in order and committed together before the device gets its acknowledgement; a node that needs the
 * result of an atomic step awaits it. Effects on the device (`reply`, shared attributes) leave after the commit.
 */
export interface NodeContext {
  /** Wall time, ms. */
  now(): number;
  /** Queues a sample of the message's originator. Values that are secrets are left out. */
  saveTelemetry(msg: Msg, options: { readonly ts: number; readonly latest: boolean }): void;
  /** Queues attributes of the originator. Values that are secrets are left out. `notifyDevice`: push when the scope is shared. */
  saveAttributes(
    msg: Msg,
    options: {
      readonly scope: AttributeScope;
      readonly values: JsonObject;
      readonly onlyOnChange: boolean;
      readonly notifyDevice: boolean;
    },
  ): void;
  /** Keyed-hash look-up, constant time, limited per device. `from` names the source for limits and audit. */
  findSupplier(msg: Msg, key: Secret): Promise<SupplierMatch>;
  /** The atomic attachment of the originator (storage/attachment-store). */
  attach(
    msg: Msg,
    request: {
      readonly supplierId: AssetId;
      readonly supplyPoint: SupplyPoint;
      readonly grid: Grid;
      readonly onConflict: ConflictPolicy;
      /** `chain:<chain>/<node>`, for history and audit. */
      readonly by: string;
    },
  ): Promise<AttachResult>;
  /** Sends `body` to the originator after the commit: as shared attributes (stored and pushed). */
  replyToDevice(msg: Msg, body: JsonObject): void;
  /** `ES0021…LB#3fa91c`: what may be printed of a supply point. */
  maskSupplyPoint(supplyPoint: SupplyPoint): string;
  /** One structured log line of a `log` node. */
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, facts: Readonly<Record<string, JsonValue>>): void;
}
