import { parseDeviceId } from '../model/ids.ts';
import { ExactNumber, type JsonObject, type JsonValue, parseJson } from '../model/json.ts';
import type { KeyedHash } from '../model/keyed-hash.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';

/** The server attribute that stands for an offer of the device itself: `{secretKey, expirationTime}` (thingsboard-device-api 3.10). */
export const CLAIMING_DATA = 'claimingData';

const TEXT_LIMITS = { maxDepth: 8, maxKeys: 100 };

/** The secret of an offer at rest. The device is part of what is hashed: equal secrets of two devices do not show. */
export const hashClaimSecret = (hash: KeyedHash, id: string, secret: string): string =>
  hash.hash('claim-secret', `${id}|${secret}`);

/** The store, with the secret of `claimingData` as its keyed hash, whoever writes it: REST, chains, operators. */
export function sealClaimingData(store: AttributeStore, hash: KeyedHash): AttributeStore {
  return {
    save(write) {
      const { entityId: id, scope, values } = write;
      const data = scope === 'SERVER_SCOPE' && parseDeviceId(id) ? objectOf(values[CLAIMING_DATA]) : undefined;
      if (data === undefined || (data.secretKey === undefined && data.secretKeyHash !== undefined))
        return store.save(write);
      const { secretKey, ...rest } = data;
      const secret = secretText(secretKey);
      const sealed = secret === undefined ? rest : { ...rest, secretKeyHash: hashClaimSecret(hash, id, secret) };
      return store.save({ ...write, values: { ...values, [CLAIMING_DATA]: sealed } });
    },
    read: (id, scope, keys) => store.read(id, scope, keys),
    remove: (id, scope, keys) => store.remove(id, scope, keys),
  };
}

/** The offer in a stored `claimingData`; undefined when it is none. */
export function offerFrom(data: JsonValue): { readonly secretHash: string; readonly expiresAt: number } | undefined {
  const { secretKeyHash: secretHash, expirationTime = null } = objectOf(data) ?? {};
  const expiresAt = numberOf(expirationTime);
  return typeof secretHash !== 'string' || expiresAt === undefined ? undefined : { secretHash, expiresAt };
}

/** A secret as text: absent and null are the empty one, a number is its digits; undefined for anything else. */
export function secretText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  const number = typeof value === 'number' || value instanceof ExactNumber;
  return number ? String(value instanceof ExactNumber ? value.text : value) : undefined;
}

export function numberOf(value: JsonValue): number | undefined {
  const number = value instanceof ExactNumber ? Number(value.text) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : undefined;
}

/** An object, or a text that holds one, as ThingsBoard stores it. */
function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  if (typeof value === 'string') {
    const read = parseJson(value, TEXT_LIMITS);
    return read.ok && typeof read.value !== 'string' ? objectOf(read.value) : undefined;
  }
  const object = typeof value === 'object' && value !== null && !Array.isArray(value);
  return object && !(value instanceof ExactNumber) ? value : undefined;
}
