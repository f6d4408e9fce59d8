import { BrokerError } from '../errors.ts';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import type { AttributeScope } from '../model/telemetry.ts';
import type { AdminDeps } from './deps.ts';
import type { DataOwner } from './lookup.ts';
import { keyList } from './telemetry.ts';

const MAX_KEY = 255;

/** Attributes as people write and remove them: the device, the chains and the audit hear of it. */
export interface AttributeWrites {
  /** Throws BAD_REQUEST. */
  save(owner: DataOwner, scope: AttributeScope, json: JsonValue, by: string): Promise<void>;
  /** @param asked keys with commas between. */
  remove(owner: DataOwner, scope: AttributeScope, asked: string, by: string): Promise<void>;
}

export function createAttributeWrites({ deviceApi, storage, clock, raise }: AdminDeps): AttributeWrites {
  const audit = (
    action: string,
    { entityType, id }: DataOwner,
    changed: readonly string[],
    at: AttributeScope,
    by: string,
  ) =>
    storage.audit.append({
      at: clock.now(),
      action,
      by,
      subject: `${entityType.toLowerCase()}:${id}`,
      outcome: 'done',
      facts: { scope: at, keys: changed.length },
    });
  const tell = (
    type: 'ATTRIBUTES_UPDATED' | 'ATTRIBUTES_DELETED',
    { originator }: DataOwner,
    at: AttributeScope,
    data: JsonObject,
  ): void => raise({ type, originator, data, metadata: { scope: at } });
  return {
    async save(owner, at, json, by) {
      const values = attributesOf(json);
      const { id, device } = owner;
      const written = device
        ? await deviceApi.saveAttributes(device.id, at, values)
        : await storage.attributes.save({ entityId: id, scope: at, values, ts: clock.now(), onlyOnChange: false });
      const data = Object.fromEntries(written.map((key) => [key, values[key] ?? null]));
      if (written.length > 0) tell('ATTRIBUTES_UPDATED', owner, at, data);
      await audit('attributes.save', owner, written, at, by);
    },
    async remove(owner, at, asked, by) {
      const keys = keyList(asked) ?? [];
      const { id, device } = owner;
      const removed = device
        ? await deviceApi.deleteAttributes(device.id, at, keys)
        : await storage.attributes.remove(id, at, keys);
      if (removed.length > 0) tell('ATTRIBUTES_DELETED', owner, at, { attributes: [...removed] });
      await audit('attributes.delete', owner, removed, at, by);
    },
  };
}

/** Nulls are skipped, as from a device (thingsboard-device-api 3.4). Throws BAD_REQUEST. */
export function attributesOf(json: JsonValue): JsonObject {
  if (json === null || typeof json !== 'object' || Array.isArray(json) || json instanceof ExactNumber) {
    throw new BrokerError('BAD_REQUEST', { detail: 'the body must be a JSON object' });
  }
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  const wrong = entries.find(([key]) => key.trim() === '' || key.length > MAX_KEY);
  if (wrong) throw new BrokerError('BAD_REQUEST', { detail: `a key must have 1 to ${MAX_KEY} characters` });
  return Object.fromEntries(entries);
}
