import type { ConflictPolicy, Grid, SupplyPoint } from '../model/attachment.ts';
import type { Clock } from '../model/clock.ts';
import { GrowingPause } from '../model/growing-pause.ts';
import type { AssetId, DeviceId } from '../model/ids.ts';
import { type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { Msg, MsgData } from '../model/msg.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { Log } from '../observe/index.ts';
import type { Attachments } from '../registry/attachments.ts';
import type { Suppliers } from '../registry/suppliers.ts';
import {
  type CallAnswer,
  type DeviceCall,
  dataObject,
  deviceOf,
  type NodeContext,
  type SupplierMatch,
  withoutSecrets,
} from '../rules/index.ts';
import type { AttachResult } from '../storage/attachment-store.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import type { RpcEffects } from './rpc-effects.ts';
import type { Sessions } from './sessions.ts';

/** Lets a message go on whose call to the device has ended. */
export type ResumeCall = (msg: Msg, call: DeviceCall, answer: CallAnswer) => void;

/** What the nodes of all messages share. */
export interface ContextParts {
  readonly telemetry: TelemetryStore;
  readonly attributes: AttributeStore;
  readonly suppliers: Suppliers;
  readonly attachments: Attachments;
  readonly sessions: Sessions;
  readonly rpc: RpcEffects;
  readonly clock: Clock;
  readonly log: Log;
  /** Wrong supplier keys per device: after a few, look-ups pause for a growing time (cups.md 8). */
  readonly supplierGuard: GrowingPause;
}

export const createSupplierGuard = (): GrowingPause =>
  new GrowingPause({ free: 5, baseMs: 1_000, maxMs: 300_000, maxKeys: 100_000, decayMs: 600_000 });

/**
 * The world as the nodes of one message see it. Collects the message's writes, so that the device is acknowledged when all
 * are durable, and its effects on devices, which leave after that.
 */
export class MessageContext implements NodeContext {
  readonly #parts: ContextParts;
  readonly #resume: ResumeCall;
  #commit: Promise<unknown> | undefined;
  #more: Promise<unknown>[] | undefined;
  #effects: (() => void)[] | undefined;

  constructor(parts: ContextParts, resume: ResumeCall) {
    this.#parts = parts;
    this.#resume = resume;
  }

  /** The promise of all writes so far; undefined when there were none. The usual single write gives its own promise. */
  commit(): Promise<unknown> | undefined {
    return this.#more ? Promise.all(this.#more) : this.#commit;
  }

  /** Joins a write to those that the acknowledgement waits for. */
  join(write: Promise<unknown>): void {
    if (this.#commit === undefined) this.#commit = write;
    else if (this.#commit !== write) {
      this.#more ??= [this.#commit];
      this.#more.push(write);
    }
  }

  /** Sends what the nodes left for the device; call after the commit. */
  runEffects(): void {
    for (const effect of this.#effects ?? []) effect();
  }

  now(): number {
    return this.#parts.clock.now();
  }

  saveTelemetry(msg: Msg, options: { readonly ts: number; readonly latest: boolean }): void {
    const text = msg.text;
    this.join(
      this.#parts.telemetry.save(
        text === undefined
          ? {
              entityId: deviceOf(msg).id,
              ts: options.ts,
              values: withoutSecrets(dataObject(msg)),
              latest: options.latest,
            }
          : {
              entityId: deviceOf(msg).id,
              ts: options.ts,
              values: withoutSecrets(dataObject(msg)),
              text,
              latest: options.latest,
            },
      ),
    );
  }

  saveAttributes(
    msg: Msg,
    options: {
      readonly scope: AttributeScope;
      readonly values: JsonObject;
      readonly onlyOnChange: boolean;
      readonly notifyDevice: boolean;
    },
  ): void {
    const { scope, onlyOnChange } = options;
    const values = withoutSecrets(options.values);
    const deviceId = deviceOf(msg).id;
    this.join(this.#parts.attributes.save({ entityId: deviceId, scope, values, ts: this.now(), onlyOnChange }));
    if (scope === 'SHARED_SCOPE' && options.notifyDevice) this.#push(deviceId, 'shared-attributes', values);
  }

  async findSupplier(msg: Msg, key: Secret): Promise<SupplierMatch> {
    const { supplierGuard, clock, suppliers } = this.#parts;
    const device = deviceOf(msg).id;
    const state = supplierGuard.check(device, clock.monotonic());
    if (!state.allowed) return { kind: 'rate-limited', retryAfterMs: state.retryAfterMs };
    const found = await suppliers.findByKey(key);
    if (!found) {
      supplierGuard.fail(device, clock.monotonic());
      return { kind: 'not-found' };
    }
    supplierGuard.succeed(device);
    return { kind: 'found', ...found };
  }

  attach(
    msg: Msg,
    request: {
      readonly supplierId: AssetId;
      readonly supplyPoint: SupplyPoint;
      readonly grid: Grid;
      readonly onConflict: ConflictPolicy;
      readonly by: string;
    },
  ): Promise<AttachResult> {
    return this.#parts.attachments.attach({ ...request, deviceId: deviceOf(msg).id });
  }

  replyToDevice(msg: Msg, body: JsonObject): void {
    const values = withoutSecrets(body);
    const deviceId = deviceOf(msg).id;
    this.join(
      this.#parts.attributes.save({
        entityId: deviceId,
        scope: 'SHARED_SCOPE',
        values,
        ts: this.now(),
        onlyOnChange: false,
      }),
    );
    this.#push(deviceId, 'reply', values);
  }

  replyToCall(msg: Msg, call: Parameters<NodeContext['replyToCall']>[1], body: MsgData): void {
    const text = stringifyJson(withoutSecrets(body));
    const { id } = deviceOf(msg);
    this.#later(() => this.#parts.rpc.reply(id, call, text));
  }

  callDevice(msg: Msg, call: DeviceCall): ReturnType<NodeContext['callDevice']> {
    const { id } = deviceOf(msg);
    this.#later(() => {
      void this.#parts.rpc.call(id, call).then((answer) => this.#resume(msg, call, answer));
    });
    return { relation: [], msg };
  }

  maskSupplyPoint(supplyPoint: SupplyPoint): string {
    return this.#parts.attachments.mask(supplyPoint);
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, facts: Readonly<Record<string, JsonValue>>): void {
    this.#parts.log[level]({ event: 'chain.log', text, facts }, 'rule chain');
  }

  #later(effect: () => void): void {
    this.#effects ??= [];
    this.#effects.push(effect);
  }

  #push(deviceId: DeviceId, kind: 'shared-attributes' | 'reply', values: JsonObject): void {
    this.#later(() => {
      this.#parts.sessions.push(deviceId, { kind, text: stringifyJson(values) });
    });
  }
}
