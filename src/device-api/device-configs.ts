import { createHash } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import { type DeviceId, newUuid } from '../model/ids.ts';
import { type JsonObject, type JsonValue, parseJson, stringifyJson } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import { parseRpcId, type RpcId } from '../model/rpc.ts';
import type { DeviceProfile } from '../profiles/index.ts';
import type { DocumentStore } from '../storage/document-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { Rpc } from './rpc.ts';

/** What a device is to work by, kept here; devices ask for it, and hear of a change. */
export interface DeviceConfig {
  readonly id: string;
  /** SHA-256 of the text, hex. */
  readonly digest: string;
  /** Compact JSON. */
  readonly text: string;
  readonly setAt: number;
}

/** Configurations of devices (registration-protocols 2, remote config). */
export interface DeviceConfigs {
  of(id: DeviceId): Promise<DeviceConfig | undefined>;
  /**
   * Stores it and calls `thing.config.push` on the device, at once or at its next login; a call that a newer configuration
   * has overtaken is not made. The same text again changes nothing. Throws PAYLOAD_TOO_LARGE, QUEUE_FULL.
   */
  set(device: Device, value: JsonValue, by: string): Promise<DeviceConfig>;
  /** The device is not told; false when there was none. */
  remove(id: DeviceId, by: string): Promise<boolean>;
  /** What the device is told: id, size and digest, and a link where the profile has an address for downloads, else all of it. */
  describe(device: Device, config: DeviceConfig): JsonObject;
  /** The configuration that such a link was made for, as long as it is the device's. */
  findByLink(link: string): Promise<DeviceConfig | undefined>;
}

export interface DeviceConfigsParts {
  readonly documents: DocumentStore;
  readonly rpc: Pick<Rpc, 'persist' | 'remove'>;
  readonly audit: AuditStore;
  readonly hash: Pick<KeyedHash, 'seal' | 'open'>;
  readonly profile: (name: string) => DeviceProfile | undefined;
  readonly clock: Clock;
}

const KIND = 'device-config';
export const CONFIG_PUSH = 'thing.config.push';
export const MAX_CONFIG_BYTES = 65_536;
const MAX_LINK = 512;
/** Tells links from whatever else is sealed with the same key. */
const PURPOSE = 'config-link';
/** How long a device may stay away until it is not told any more, ms. */
const CALL_MS = 10 * 365 * 86_400_000;
const TRIES = 5;

interface Stored extends DeviceConfig {
  /** The call that tells the device. */
  readonly call?: string;
}

export function createDeviceConfigs(parts: DeviceConfigsParts): DeviceConfigs {
  const { documents, rpc, audit, hash, clock } = parts;

  const read = async (id: DeviceId): Promise<{ readonly config?: Stored; readonly version: number }> => {
    const found = await documents.get(KIND, id, clock.now());
    return found ? { config: JSON.parse(found.text) as Stored, version: found.version } : { version: 0 };
  };
  const write = (id: DeviceId, config: Stored, expected: number): Promise<boolean> =>
    documents.write([{ kind: KIND, key: id, text: JSON.stringify(config), expected }], clock.now());
  const forgetCall = async (config: Stored | undefined): Promise<void> => {
    const call: RpcId | undefined = config?.call === undefined ? undefined : parseRpcId(config.call);
    if (call) await rpc.remove(call);
  };
  const note = (id: DeviceId, by: string, outcome: string, facts?: Record<string, string | number>) => {
    const entry = { at: clock.now(), action: 'device.config', by, subject: `device:${id}`, outcome };
    return audit.append({ ...entry, ...(facts ? { facts } : {}) });
  };

  const describe: DeviceConfigs['describe'] = (device, { id, digest, text }) => {
    const base = parts.profile(device.profile)?.thing?.downloadUrl;
    const about = { configId: id, configSize: Buffer.byteLength(text), sign: digest, signMethod: 'Sha256' };
    if (base !== undefined) {
      const link = hash.seal(JSON.stringify([PURPOSE, device.id, digest]));
      return { ...about, getType: 'file', url: `${base}/config/${link}` };
    }
    const parsed = parseJson(text, { maxDepth: 64, maxKeys: MAX_CONFIG_BYTES });
    return { ...about, getType: 'content', config: parsed.ok ? parsed.value : null };
  };

  /** The call is queued before the record says so: what is told twice is harmless, what is never told is not. */
  const tell = async (device: Device, config: DeviceConfig): Promise<RpcId> => {
    const params = stringifyJson(describe(device, config));
    const expiresAt = clock.now() + CALL_MS;
    const outcome = await rpc.persist(device.id, { method: CONFIG_PUSH, params, oneway: true, expiresAt });
    if (outcome.kind === 'queued') return outcome.id;
    if (outcome.kind === 'unknown-device') throw new BrokerError('DEVICE_NOT_FOUND', { device: device.id });
    throw new BrokerError('QUEUE_FULL', { detail: 'too many persistent calls wait' });
  };

  return {
    async of(id) {
      const { config } = await read(id);
      if (!config) return undefined;
      const { call: _, ...known } = config;
      return known;
    },
    describe,

    async set(device, value, by) {
      const text = stringifyJson(value);
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_CONFIG_BYTES) {
        const detail = `a configuration may have ${MAX_CONFIG_BYTES} bytes, not ${bytes}`;
        throw new BrokerError('PAYLOAD_TOO_LARGE', { detail });
      }
      const digest = createHash('sha256').update(text).digest('hex');
      for (let tries = 0; tries < TRIES; tries++) {
        const { config: former, version } = await read(device.id);
        if (former?.digest === digest && former.call !== undefined) return former;
        const now = clock.now();
        const config: DeviceConfig = { id: newUuid(now), digest, text, setAt: now };
        if (!(await write(device.id, config, version))) continue;
        await forgetCall(former);
        const call = await tell(device, config);
        if (!(await write(device.id, { ...config, call }, version + 1))) {
          await rpc.remove(call); // a newer one stands, and tells of itself
        }
        await note(device.id, by, 'set', { digest });
        return config;
      }
      throw new BrokerError('STORE_UNAVAILABLE', { detail: 'the configuration changes all the time' });
    },

    async remove(id, by) {
      const { config } = await read(id);
      if (!config) return false;
      await documents.write([{ kind: KIND, key: id }], clock.now());
      await forgetCall(config);
      await note(id, by, 'removed');
      return true;
    },

    async findByLink(link) {
      const opened = link.length > MAX_LINK ? undefined : hash.open(link);
      const [purpose, id, digest] = readLink(opened);
      if (purpose !== PURPOSE || typeof id !== 'string') return undefined;
      const { config } = await read(id as DeviceId);
      return config?.digest === digest ? config : undefined;
    },
  };
}

function readLink(text: string | undefined): readonly unknown[] {
  if (text === undefined) return [];
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read : [];
  } catch {
    return []; // sealed for something else
  }
}
