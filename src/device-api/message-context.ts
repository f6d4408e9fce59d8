import type { SupplyPoint } from '../model/attachment.ts';
import type { Clock } from '../model/clock.ts';
import type { EntityId, Relation } from '../model/entity.ts';
import type { GrowingPause } from '../model/growing-pause.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonObject, type JsonValue, stringifyJson } from '../model/json.ts';
import type { DeviceOriginator, Msg, MsgData, Originator } from '../model/msg.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { Log } from '../observe/index.ts';
import type { Attachments } from '../registry/attachments.ts';
import type { Suppliers } from '../registry/suppliers.ts';
import {
  type AppMessage,
  type AttributeChange,
  type CallAnswer,
  type DeviceCall,
  type DeviceStateEvent,
  dataObject,
  deviceOf,
  type LaterPlace,
  type NodeContext,
  NodeFailure,
  type SupplierMatch,
  type TelemetryTargets,
  withoutSecrets,
} from '../rules/index.ts';
import type { AttachResult } from '../storage/attachment-store.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { SessionMark } from '../storage/session-mark.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';
import type { ChangeFeed } from '../telemetry/change-feed.ts';
import type { AlarmAccess } from './alarm-access.ts';
import type { AppOutlet } from './app-outlet.ts';
import type { EntityAccess } from './entity-access.ts';
import type { EntityEvent } from './entity-makers.ts';
import type { RpcEffects } from './rpc-effects.ts';
import type { Sessions } from './sessions.ts';
import { findSupplier } from './supplier-lookup.ts';
import type { WriteFence } from './write-fence.ts';

/** Lets a message go on whose call to the device has ended. */
export type ResumeCall = (msg: Msg, call: DeviceCall, answer: CallAnswer) => void;

/** A message that is stored; one of the two must be called when the one from which it came has its outcome. */
export interface KeptMessage {
  /** That one is durable. */
  begin(): void;
  /** It could not be stored. */
  release(): void;
}

/** What a message may set going besides itself. */
export interface ContextHooks {
  readonly resume: ResumeCall;
  /** Lets an event of its own run through the chains. @param hops of the message that raised it. */
  readonly raise: (event: EntityEvent, hops: number) => void;
  /** Stores a message that goes on later; undefined when it may not wait. */
  readonly store: (msg: Msg, at: LaterPlace) => Promise<KeptMessage | undefined>;
}

/** What the nodes of all messages share. */
export interface ContextParts {
  readonly telemetry: TelemetryStore;
  readonly entities: EntityAccess;
  readonly alarms: AlarmAccess;
  readonly fence: WriteFence;
  /** Those who watch entities live. */
  readonly changes: Pick<ChangeFeed, 'emit'>;
  readonly attributes: AttributeStore;
  readonly apps: AppOutlet;
  /** Notes an event in the state of a device. */
  readonly tellDeviceState: (id: DeviceId, event: DeviceStateEvent) => void;
  readonly suppliers: Suppliers;
  readonly attachments: Attachments;
  readonly sessions: Sessions;
  readonly rpc: RpcEffects;
  readonly clock: Clock;
  readonly log: Log;
  /** Wrong supplier keys per device: after a few, look-ups pause for a growing time (cups.md 8). */
  readonly supplierGuard: GrowingPause;
}

/**
 * The world as the nodes of one message see it. Collects the message's writes, so that the device is acknowledged when all
 * are durable, and its effects on devices, which leave after that.
 */
export class MessageContext implements NodeContext {
  readonly #parts: ContextParts;
  readonly #hooks: ContextHooks;
  readonly #hops: number;
  readonly #session: SessionMark | undefined;
  #hasMarked = false;
  #commit: Promise<unknown> | undefined;
  #more: Promise<unknown>[] | undefined;
  #effects: (() => void)[] | undefined;
  #kept: KeptMessage[] | undefined;
  #forget: (() => void)[] | undefined;
  #hasEnded = false;

  /** @param session what it writes to its device is from this session. */
  constructor(parts: ContextParts, hooks: ContextHooks, { hops = 0 }: Pick<Msg, 'hops'>, session?: SessionMark) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#hops = hops;
    this.#session = session;
  }

  /** Ask after the commit: what it wrote was refused, since a newer session writes elsewhere. */
  get isStale(): boolean {
    return this.#hasMarked && this.#session?.stale === true;
  }

  /** The promise of all writes so far; undefined when there were none. The usual single write gives its own promise. */
  commit(): Promise<unknown> | undefined {
    return this.#more ? Promise.all(this.#more) : this.#commit;
  }

  /** Joins a write to those that the acknowledgement waits for. @param entityId reads of its values wait for it too. */
  join(write: Promise<unknown>, entityId?: string): void {
    if (entityId !== undefined) this.#parts.fence.note(entityId, write);
    if (this.#commit === undefined) this.#commit = write;
    else if (this.#commit !== write) {
      this.#more ??= [this.#commit];
      this.#more.push(write);
    }
  }

  /** Sends what the nodes left for the device; call after the commit. */
  runEffects(): void {
    if (this.#effects) for (const effect of this.#effects) effect();
    this.#hasEnded = true;
    if (this.#kept) for (const kept of this.#kept) kept.begin();
  }

  /** Call instead when the commit failed. */
  abandon(): void {
    this.#hasEnded = true;
    for (const forget of this.#forget ?? []) forget();
    for (const kept of this.#kept ?? []) kept.release();
  }

  now(): number {
    return this.#parts.clock.now();
  }

  onNotStored(forget: () => void): void {
    this.#forget ??= [];
    // The last one first: each puts back what it found.
    this.#forget.unshift(forget);
  }

  saveTelemetry(msg: Msg, { ts, latest, history, live }: TelemetryTargets): void {
    const { text, originator } = msg;
    const values = withoutSecrets(dataObject(msg));
    const { id: entityId } = originator;
    if (latest || history) {
      const session = this.#markFor(entityId);
      this.join(this.#parts.telemetry.save({ entityId, ts, values, text, latest, history, session }), entityId);
    }
    // Who watches hears of new latest values by themselves.
    if (live && !latest) this.#tell(entityId, { kind: 'telemetry', ts, values });
  }

  saveAttributes(msg: Msg, options: AttributeChange): void {
    const { scope, onlyOnChange, notifyDevice, event } = options;
    const { originator } = msg;
    const values = withoutSecrets(options.values);
    const saved = this.#parts.attributes.save({
      entityId: originator.id,
      scope,
      values,
      ts: this.now(),
      onlyOnChange,
      session: this.#markFor(originator.id),
    });
    this.join(saved, originator.id);
    if (event) this.#later(() => void saved.then((written) => this.#tellUpdated(originator, scope, values, written)));
    if (scope === 'SHARED_SCOPE' && notifyDevice && originator.entityType === 'DEVICE') {
      this.#push(originator.id, 'shared-attributes', values);
    }
  }

  showAttributes(msg: Msg, scope: AttributeScope, values: JsonObject): void {
    this.#tell(msg.originator.id, { kind: 'attributes', scope, ts: this.now(), values: withoutSecrets(values) });
  }

  async removeAttributes(
    { originator }: Msg,
    { scope, keys, notifyDevice, event }: Parameters<NodeContext['removeAttributes']>[1],
  ): Promise<readonly string[]> {
    const removal = this.#parts.attributes.remove(originator.id, scope, keys);
    this.join(removal, originator.id);
    const removed = await removal;
    if (removed.length === 0) return removed;
    if (event) {
      const data = { attributes: [...removed] };
      this.#later(() => this.#raise({ type: 'ATTRIBUTES_DELETED', originator, data, metadata: { scope } }));
    }
    if (scope === 'SHARED_SCOPE' && notifyDevice && originator.entityType === 'DEVICE') {
      const { id } = originator;
      const text = JSON.stringify({ deleted: removed });
      this.#later(() => this.#parts.sessions.push(id, { kind: 'shared-attributes', text, deleted: removed }));
    }
    return removed;
  }

  readAttributes(...call: Parameters<NodeContext['readAttributes']>): ReturnType<NodeContext['readAttributes']> {
    return this.#parts.entities.readAttributes(...call);
  }

  readLatest(...call: Parameters<NodeContext['readLatest']>): ReturnType<NodeContext['readLatest']> {
    return this.#parts.entities.readLatest(...call);
  }

  readHistory(...call: Parameters<NodeContext['readHistory']>): ReturnType<NodeContext['readHistory']> {
    return this.#parts.entities.readHistory(...call);
  }

  readFields(of: EntityId): ReturnType<NodeContext['readFields']> {
    return this.#parts.entities.readFields(of);
  }

  entity(id: EntityId): ReturnType<NodeContext['entity']> {
    return this.#parts.entities.entity(id);
  }

  findEntity(...call: Parameters<NodeContext['findEntity']>): ReturnType<NodeContext['findEntity']> {
    return this.#parts.entities.findEntity(...call);
  }

  relations(...call: Parameters<NodeContext['relations']>): ReturnType<NodeContext['relations']> {
    return this.#parts.entities.relations(...call);
  }

  customerOf(of: EntityId): ReturnType<NodeContext['customerOf']> {
    return this.#parts.entities.customerOf(of);
  }

  ensureEntity(entity: Parameters<NodeContext['ensureEntity']>[0]): ReturnType<NodeContext['ensureEntity']> {
    return this.#parts.entities.ensureEntity(entity, (event) => this.#raise(event));
  }

  setRelation(...call: Parameters<NodeContext['setRelation']>): ReturnType<NodeContext['setRelation']> {
    return this.#parts.entities.setRelation(...call);
  }

  removeRelation(relation: Relation): Promise<boolean> {
    return this.#parts.entities.removeRelation(relation);
  }

  removeRelations(...call: Parameters<NodeContext['removeRelations']>): Promise<number> {
    return this.#parts.entities.removeRelations(...call);
  }

  giveToCustomer(...call: Parameters<NodeContext['giveToCustomer']>): Promise<boolean> {
    return this.#parts.entities.giveToCustomer(...call);
  }

  tellDeviceState({ id }: DeviceOriginator, event: DeviceStateEvent): void {
    this.#later(() => this.#parts.tellDeviceState(id, event));
  }

  takeFromCustomer(of: Originator, by: string): Promise<boolean> {
    return this.#parts.entities.takeFromCustomer(of, by);
  }

  findSupplier(msg: Msg, key: Secret): Promise<SupplierMatch> {
    return findSupplier(this.#parts, deviceOf(msg).id, key);
  }

  attach(msg: Msg, request: Parameters<NodeContext['attach']>[1]): Promise<AttachResult> {
    return this.#parts.attachments.attach({ ...request, deviceId: deviceOf(msg).id });
  }

  replyToDevice(msg: Msg, body: JsonObject): void {
    const values = withoutSecrets(body);
    const deviceId = deviceOf(msg).id;
    const saved = this.#parts.attributes.save({
      entityId: deviceId,
      scope: 'SHARED_SCOPE',
      values,
      ts: this.now(),
      onlyOnChange: false,
      session: this.#markFor(deviceId),
    });
    this.join(saved, deviceId);
    this.#push(deviceId, 'reply', values);
  }

  replyToCall(msg: Msg, call: Parameters<NodeContext['replyToCall']>[1], body: MsgData): void {
    const text = stringifyJson(withoutSecrets(body));
    const { id } = deviceOf(msg);
    this.#later(() => this.#parts.rpc.reply(id, call, text));
  }

  replyToRequest(_msg: Msg, request: Parameters<NodeContext['replyToRequest']>[1], body: JsonValue): void {
    this.#later(() => this.#parts.rpc.answerRequest(request, body));
  }

  publishToApps(_msg: Msg, { topic, payload, qos, retain, expiryMs }: AppMessage): void {
    const expiresAt = expiryMs === undefined ? {} : { expiresAt: this.now() + expiryMs };
    const handed = this.#parts.apps.hand({ topic, payload: Buffer.from(payload), qos, retain, ...expiresAt });
    if (handed === undefined) throw new NodeFailure('too many publications to app clients wait');
    if (handed.stored !== undefined) this.join(handed.stored);
    this.onNotStored(() => handed.drop());
    this.#later(() => void handed.send());
  }

  callDevice(msg: Msg, call: DeviceCall): ReturnType<NodeContext['callDevice']> {
    const { id } = deviceOf(msg);
    this.#later(() => {
      void this.#parts.rpc.call(id, call, this.#hops).then((answer) => this.#hooks.resume(msg, call, answer));
    });
    return { relation: [], msg };
  }

  async storeForLater(msg: Msg, at: LaterPlace): ReturnType<NodeContext['storeForLater']> {
    const kept = await this.#hooks.store(msg, at);
    if (kept === undefined) throw new NodeFailure(`too many messages of ${msg.originator.name} wait to go on`);
    if (this.#hasEnded) kept.release(); // the deadline came before the store's answer
    this.#kept ??= [];
    this.#kept.push(kept);
    return { relation: [], msg };
  }

  activeAlarm(...of: Parameters<NodeContext['activeAlarm']>): ReturnType<NodeContext['activeAlarm']> {
    return this.#parts.alarms.activeAlarm(...of);
  }

  alarm(...of: Parameters<NodeContext['alarm']>): ReturnType<NodeContext['alarm']> {
    return this.#parts.alarms.alarm(...of);
  }

  raiseAlarm(...of: Parameters<NodeContext['raiseAlarm']>): ReturnType<NodeContext['raiseAlarm']> {
    return this.#parts.alarms.raiseAlarm(this.#hops, ...of);
  }

  clearAlarm(...of: Parameters<NodeContext['clearAlarm']>): ReturnType<NodeContext['clearAlarm']> {
    return this.#parts.alarms.clearAlarm(this.#hops, ...of);
  }

  alarmRules(...of: Parameters<NodeContext['alarmRules']>): ReturnType<NodeContext['alarmRules']> {
    return this.#parts.alarms.alarmRules(...of);
  }

  loadAlarmState(...of: Parameters<NodeContext['loadAlarmState']>): ReturnType<NodeContext['loadAlarmState']> {
    return this.#parts.alarms.loadAlarmState(...of);
  }

  get alarmStates(): NodeContext['alarmStates'] {
    return this.#parts.alarms.alarmStates;
  }

  saveAlarmState(...saved: Parameters<NodeContext['saveAlarmState']>): void {
    this.join(this.#parts.alarms.saveState(...saved));
  }

  maskSupplyPoint(supplyPoint: SupplyPoint): string {
    return this.#parts.attachments.mask(supplyPoint);
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, facts: Readonly<Record<string, JsonValue>>): void {
    this.#parts.log[level]({ event: 'chain.log', text, facts }, 'rule chain');
  }

  #markFor(id: string): SessionMark | undefined {
    if (this.#session?.device !== id) return undefined;
    this.#hasMarked = true;
    return this.#session;
  }

  #tellUpdated(originator: Originator, scope: AttributeScope, values: JsonObject, written: readonly string[]): void {
    if (written.length === 0) return;
    const data = Object.fromEntries(written.map((key) => [key, values[key] ?? null]));
    this.#raise({ type: 'ATTRIBUTES_UPDATED', originator, data, metadata: { scope } });
  }

  #raise(event: EntityEvent): void {
    this.#hooks.raise(event, this.#hops);
  }

  #tell(entityId: string, change: Parameters<ChangeFeed['emit']>[1]): void {
    this.#later(() => this.#parts.changes.emit(entityId, change));
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
