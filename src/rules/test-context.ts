import { type AssetId, type DeviceId, parseAssetId, parseDeviceId } from '../model/ids.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import { createKeyedHash } from '../model/keyed-hash.ts';
import type { DeviceOriginator, Msg } from '../model/msg.ts';
import { maskSupplyPoint } from '../model/supply-point/index.ts';
import type { AttributeScope, Sample } from '../model/telemetry.ts';
import { toCallBody } from './call-body.ts';
import type { NodeContext } from './node-context.ts';
import { dataObject, type ExampleWorld } from './node-kind.ts';
import { withoutSecrets } from './secrets.ts';
import { createTestAttachments, type HeldPoint } from './test-attachments.ts';

/** What exists before the first message. Names stand for ids everywhere. */
export interface TestGiven extends ExampleWorld {
  readonly devices?: readonly { readonly name: string; readonly profile?: string }[];
  /** Wall time, ms; stands still. */
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
  readonly attributes: ReadonlyMap<string, ReadonlyMap<AttributeScope, Readonly<JsonObject>>>;
  /** In the order they were saved. */
  readonly telemetry: ReadonlyMap<string, readonly Sample[]>;
  readonly replies: readonly { readonly device: string; readonly body: JsonObject }[];
  /** Answers to calls of devices. */
  readonly callReplies: readonly { readonly device: string; readonly body: JsonObject }[];
  readonly logs: readonly LogLine[];
  attachments(): readonly HeldPoint[];
}

export const TEST_NOW = 1_750_000_000_000;
const DEFAULT_PROFILE = 'default';

export function createTestContext(given: TestGiven = {}): TestContext {
  const now = Number(given.now ?? TEST_NOW);
  const masks = createKeyedHash(new Uint8Array(32));
  const devices = new Map<string, DeviceOriginator>();
  const suppliers = (given.suppliers ?? []).map((supplier, index) => ({ ...supplier, id: assetId(index + 1) }));
  const attachments = createTestAttachments(given.attachments ?? []);
  const attributes = new Map<string, Map<AttributeScope, JsonObject>>();
  const telemetry = new Map<string, Sample[]>();
  const replies: { device: string; body: JsonObject }[] = [];
  const callReplies: { device: string; body: JsonObject }[] = [];
  const logs: LogLine[] = [];

  const originator = (name: string, profile = DEFAULT_PROFILE): DeviceOriginator => {
    const known = devices.get(name);
    if (known) return known;
    const device: DeviceOriginator = { entityType: 'DEVICE', id: deviceId(devices.size + 1), name, profile };
    devices.set(name, device);
    return device;
  };
  for (const device of given.devices ?? []) originator(device.name, device.profile);

  return {
    originator,
    attributes,
    telemetry,
    replies,
    callReplies,
    logs,
    attachments: () => attachments.held(),
    now: () => now,
    saveTelemetry(msg, { ts }) {
      const samples = telemetry.get(msg.originator.name) ?? [];
      samples.push({ ts, values: withoutSecrets(dataObject(msg)) });
      telemetry.set(msg.originator.name, samples);
    },
    saveAttributes(msg, { scope, values }) {
      const scopes = attributes.get(msg.originator.name) ?? new Map<AttributeScope, JsonObject>();
      scopes.set(scope, { ...scopes.get(scope), ...withoutSecrets(values) });
      attributes.set(msg.originator.name, scopes);
    },
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
        idOf: (name) => originator(name).id,
        gridId: assetId(0),
      });
    },
    replyToDevice(msg: Msg, body: JsonObject) {
      replies.push({ device: msg.originator.name, body });
    },
    replyToCall(msg, _call, body) {
      callReplies.push({ device: msg.originator.name, body: withoutSecrets(body) });
    },
    callDevice(msg, { method, goOn }) {
      const found = given.rpc?.find((one) => one.device === msg.originator.name && one.method === method);
      if (!found || found.error !== undefined) {
        return { relation: 'Success', msg: goOn({ kind: 'failed', reason: found?.error ?? 'NO_ACTIVE_CONNECTION' }) };
      }
      return { relation: 'Success', msg: goOn({ kind: 'answered', body: toCallBody(found.response ?? {}) }) };
    },
    maskSupplyPoint: ({ stem }) => maskSupplyPoint(stem, masks.hash('supply-point', stem)),
    log(level, text, facts) {
      logs.push({ level, text, facts });
    },
  };
}

const uuid = (kind: number, serial: number): string =>
  `00000000-0000-7000-800${kind}-${String(serial).padStart(12, '0')}`;

function assetId(serial: number): AssetId {
  const id = parseAssetId(uuid(0, serial));
  if (id === undefined) throw new Error('not a UUID');
  return id;
}

function deviceId(serial: number): DeviceId {
  const id = parseDeviceId(uuid(1, serial));
  if (id === undefined) throw new Error('not a UUID');
  return id;
}
