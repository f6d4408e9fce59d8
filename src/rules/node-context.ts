import type { ConflictPolicy, Grid, SupplyPoint } from '../model/attachment.ts';
import type { AssetId } from '../model/ids.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Msg, MsgData } from '../model/msg.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { AttachResult } from '../storage/attachment-store.ts';
import type { AlarmContext } from './alarm-context.ts';
import type { AppContext } from './app-context.ts';
import type { EntityContext } from './entity-context.ts';
import type { QueueContext } from './queue-context.ts';

/** Answer of a supplier look-up; unknown, revoked, expired and wrong keys are one and the same `not-found`. */
export type SupplierMatch =
  | { readonly kind: 'found'; readonly id: AssetId; readonly name: string; readonly kid: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number };

/** How a call to a device ended; `reason` is ThingsBoard's word: TIMEOUT, NO_ACTIVE_CONNECTION, INTERNAL. */
export type CallAnswer =
  | { readonly kind: 'answered'; readonly body: MsgData }
  | { readonly kind: 'failed'; readonly reason: string };

/** A call of a chain to the originator of its message. */
export interface DeviceCall {
  /** Where the message goes on. */
  readonly chain: string;
  readonly node: string;
  readonly method: string;
  readonly params: JsonValue;
  readonly oneway: boolean;
  /** Outlives the process; answered with `{"rpcId"}` as soon as it is stored. */
  readonly persistent: boolean;
  readonly timeoutMs: number;
  /** Wall time, ms; wins over `timeoutMs`. */
  readonly expiresAt?: number;
  readonly retries?: number;
  readonly additionalInfo?: string;
  /** The message that goes on; what it throws lets the message go on by `Failure`. */
  readonly goOn: (answer: CallAnswer) => Msg;
}

/** Where a sample goes, and under which time, ms. */
export interface TelemetryTargets {
  readonly ts: number;
  readonly latest: boolean;
  readonly history: boolean;
  /** Those who watch the entity live hear of it even when it is not stored. */
  readonly live: boolean;
}

export interface AttributeChange {
  readonly scope: AttributeScope;
  readonly values: JsonObject;
  readonly onlyOnChange: boolean;
  /** Push to the device when the scope is shared. */
  readonly notifyDevice: boolean;
  /** Tell the chains as ATTRIBUTES_UPDATED what was written, unless nothing was. */
  readonly event: boolean;
}

/**
 * What a rule node may do to the world. Implemented by the device API, and by the chain tester over an in-memory store.
 * Writes are queued in order and committed together before the device gets its acknowledgement; a node that needs the
 * result of an atomic step awaits it. Effects on the device (`reply`, shared attributes) leave after the commit.
 */
export interface NodeContext extends EntityContext, QueueContext, AlarmContext, AppContext {
  /** Wall time, ms. */
  now(): number;
  /** Hears when the commit of this message fails: what a node remembers of it must be forgotten, since it comes again. */
  onNotStored(forget: () => void): void;
  /** Queues a sample of the message's originator. Values that are secrets are left out. */
  saveTelemetry(msg: Msg, targets: TelemetryTargets): void;
  /** Queues attributes of the originator. Values that are secrets are left out. */
  saveAttributes(msg: Msg, change: AttributeChange): void;
  /** Shows attributes to those who watch the originator live, without storing them. */
  showAttributes(msg: Msg, scope: AttributeScope, values: JsonObject): void;
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
  /**
   * Answers the device's own call (TO_SERVER_RPC_REQUEST) after the commit. Secrets are left out. An answer that nobody
   * waits for any more is dropped.
   */
  replyToCall(
    msg: Msg,
    call: { readonly serviceId: string; readonly sessionId: string; readonly requestId: string },
    body: MsgData,
  ): void;
  /** Answers after the commit who pushed the message over REST. An answer that nobody waits for any more is dropped. */
  replyToRequest(msg: Msg, request: { readonly serviceId: string; readonly requestId: string }, body: JsonValue): void;
  /**
   * Calls a method on the originator after the commit. The message ends here, processed; it goes on from this node as a
   * message of its own once the call has its outcome. Give back what this gives.
   */
  callDevice(msg: Msg, call: DeviceCall): { readonly relation: 'Success' | readonly never[]; readonly msg: Msg };
  /** `ES0021…LB#3fa91c`: what may be printed of a supply point. */
  maskSupplyPoint(supplyPoint: SupplyPoint): string;
  /** One structured log line of a `log` node. */
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, facts: Readonly<Record<string, JsonValue>>): void;
}
