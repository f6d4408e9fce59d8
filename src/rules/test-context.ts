import type { JsonObject, JsonValue } from '../model/json.ts';
import { createKeyedHash } from '../model/keyed-hash.ts';
import type { DeviceOriginator, Msg, Originator } from '../model/msg.ts';
import { maskSupplyPoint } from '../model/supply-point/index.ts';
import type { AttributeScope, Sample } from '../model/telemetry.ts';
import type { AppMessage } from './app-context.ts';
import { toCallBody } from './call-body.ts';
import type { NodeContext } from './node-context.ts';
import { dataObject, type ExampleWorld } from './node-kind.ts';
import { withoutSecrets } from './secrets.ts';
import { createTestAlarms, type NamedAlarm } from './test-alarms.ts';
import { createTestAttachments, type HeldPoint } from './test-attachments.ts';
import { createTestEntities, type NamedRelation, type RaisedEvent } from './test-entities.ts';
import { createTestRegistry } from './test-registry.ts';
import { formatEntityName } from './test-world.ts';

/** What exists before the first message. Names stand for ids everywhere. */
export interface TestGiven extends ExampleWorld {
  /** Wall time at the beginning, ms; moves only when the test says so. */
  readonly now?: number;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** A small world in memory: what nodes did to it can be read back. For chain tests, examples and docs. */
export interface TestContext extends NodeContext {
  /** The device as messages bear it; made when it was not given. */
  originator(name: string): DeviceOriginator;
  /** Any entity by the name that tests give it (`test-world.ts`); made when it was not given. */
  named(text: string): Originator;
  /** By the entity's name (`formatEntityName`), given ones included. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<AttributeScope, Readonly<JsonObject>>>;
  /** In the order they were saved, given ones first. */
  readonly telemetry: ReadonlyMap<string, readonly Sample[]>;
  readonly replies: readonly { readonly device: string; readonly body: JsonObject }[];
  /** Answers to calls of devices. */
  readonly callReplies: readonly { readonly device: string; readonly body: JsonObject }[];
  /** Answers to requests over REST. */
  readonly requestReplies: readonly JsonValue[];
  readonly publications: readonly AppMessage[];
  readonly logs: readonly LogLine[];
  /** ENTITY_CREATED, ATTRIBUTES_UPDATED … that nodes raised. */
  readonly events: readonly RaisedEvent[];
  /** Who has what: title of the customer by name of the device or asset. */
  readonly owners: ReadonlyMap<string, string>;
  namedRelations(): readonly NamedRelation[];
  attachments(): readonly HeldPoint[];
  namedAlarms(): readonly NamedAlarm[];
  /** Moves the clock; it never goes back. */
  advanceTo(at: number): void;
}

export const TEST_NOW = 1_750_000_000_000;

export function createTestContext(given: TestGiven = {}): TestContext {
  let now = Number(given.now ?? TEST_NOW);
  const masks = createKeyedHash(new Uint8Array(32));
  const registry = createTestRegistry(given);
  const suppliers = (given.suppliers ?? []).map((one) => ({
    ...one,
    id: registry.asset(one.name, 'PowerSupplier').id,
  }));
  const attachments = createTestAttachments(given.attachments ?? []);
  const entities = createTestEntities(given, registry, { now: () => now, held: () => attachments.held() });
  const alarms = createTestAlarms(given, { now: () => now, named: registry.named, byId: registry.byId });
  const replies: { device: string; body: JsonObject }[] = [];
  const callReplies: { device: string; body: JsonObject }[] = [];
  const requestReplies: JsonValue[] = [];
  const publications: AppMessage[] = [];
  const logs: LogLine[] = [];

  return {
    ...entities,
    ...alarms,
    originator: (name) => registry.device(name),
    named: registry.named,
    replies,
    callReplies,
    requestReplies,
    publications,
    logs,
    attachments: () => attachments.held(),
    now: () => now,
    // Offline every write is taken.
    onNotStored() {},
    advanceTo(at) {
      now = Math.max(now, at);
    },
    saveTelemetry(msg, { ts, latest, history }) {
      if (!latest && !history) return;
      const name = formatEntityName(msg.originator);
      const samples = entities.telemetry.get(name) ?? [];
      samples.push({ ts, values: withoutSecrets(dataObject(msg)) });
      entities.telemetry.set(name, samples);
    },
    saveAttributes({ originator }, { scope, onlyOnChange, event, ...change }) {
      const values = withoutSecrets(change.values);
      const changed = entities.putAttributes(originator, scope, values);
      const written = onlyOnChange ? changed : Object.keys(values);
      if (!event || written.length === 0) return;
      const data = Object.fromEntries(written.map((key) => [key, values[key] ?? null]));
      const metadata = { scope };
      entities.events.push({ type: 'ATTRIBUTES_UPDATED', originator: formatEntityName(originator), data, metadata });
    },
    showAttributes() {},
    async findSupplier(msg, key) {
      if (given.rateLimited?.includes(msg.originator.name)) return { kind: 'rate-limited', retryAfterMs: 1000 };
      const supplier = suppliers.find(({ keys }) => keys.includes(key.reveal()));
      return supplier ? { kind: 'found', id: supplier.id, name: supplier.name, kid: 'k1' } : { kind: 'not-found' };
    },
    async attach(msg, request) {
      const supplier = suppliers.find(({ id }) => id === request.supplierId);
      if (!supplier) return { kind: 'unknown-supplier' };
      return attachments.attach({
        msg,
        request,
        supplier,
        now,
        idOf: (name) => registry.device(name).id,
        gridId: registry.asset(request.grid.code, 'Grid').id,
      });
    },
    replyToDevice(msg: Msg, body: JsonObject) {
      replies.push({ device: msg.originator.name, body });
    },
    replyToCall(msg, _call, body) {
      callReplies.push({ device: msg.originator.name, body: withoutSecrets(body) });
    },
    replyToRequest(_msg, _request, body) {
      requestReplies.push(body);
    },
    publishToApps(_msg, message) {
      publications.push(message);
    },
    callDevice(msg, { method, goOn }) {
      const found = given.rpc?.find((one) => one.device === msg.originator.name && one.method === method);
      if (!found || found.error !== undefined) {
        return { relation: 'Success', msg: goOn({ kind: 'failed', reason: found?.error ?? 'NO_ACTIVE_CONNECTION' }) };
      }
      return { relation: 'Success', msg: goOn({ kind: 'answered', body: toCallBody(found.response ?? {}) }) };
    },
    // Offline nothing waits: what comes later is looked at in the same run.
    storeForLater: async (msg) => ({ relation: 'Success', msg }),
    maskSupplyPoint: ({ stem }) => maskSupplyPoint(stem, masks.hash('supply-point', stem)),
    log(level, text, facts) {
      logs.push({ level, text, facts });
    },
  };
}
