import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { CustomerId, DeviceId } from '../model/ids.ts';
import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { CustomerStore } from '../storage/customer-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';

/** A request read from a device; `invalid`: it is not of the form of thingsboard-device-api 3.10. */
export type ClaimRequest =
  | { readonly kind: 'claim'; readonly secretKey: string; readonly durationMs: number }
  | { readonly kind: 'invalid'; readonly problem: string };

export type ClaimOutcome = 'SUCCESS' | 'FAILURE' | 'CLAIMED';

/** Claiming: a device says for how long whoever knows its secret may have it (thingsboard-device-api 3.10). */
export interface Claims {
  /** Stores what the device offers, unless an offer stands or the device has a customer. Resolves when durable. */
  register(device: Device, request: ClaimRequest & { readonly kind: 'claim' }): Promise<void>;
  /** Gives the device to the customer who knows the secret. A failed attempt ends the offer. */
  claim(device: Device, secretKey: Secret, customer: CustomerId, by: string): Promise<ClaimOutcome>;
  /** Takes the device from its customer; false when it has none. */
  reclaim(device: Device, by: string): Promise<boolean>;
  /** Server attributes as they may be stored: the secret of `claimingData` becomes its keyed hash. */
  sealed(id: DeviceId, values: JsonObject): JsonObject;
}

export interface ClaimParts {
  readonly store: CustomerStore;
  readonly attributes: AttributeStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
  /** false: only devices with the server attribute `claimingAllowed` = true may be claimed. */
  readonly allowByDefault: boolean;
}

const DAY_MS = 86_400_000;
const MAX_SECRET = 512;
/** Claims stay open for at most ten years. */
const MAX_DURATION_MS = 3_650 * DAY_MS;

/** Reads what a device published to claim; an empty payload is `undefined`. Defaults: empty secret, one day. */
export function readClaim(body: JsonValue | undefined): ClaimRequest {
  if (body === undefined) return { kind: 'claim', secretKey: '', durationMs: DAY_MS };
  if (body === null || typeof body !== 'object' || Array.isArray(body) || body instanceof ExactNumber) {
    return { kind: 'invalid', problem: 'the request must be a JSON object' };
  }
  const secretKey = textOf(body.secretKey);
  if (secretKey === undefined || secretKey.length > MAX_SECRET) {
    return { kind: 'invalid', problem: `"secretKey" must be a text of at most ${MAX_SECRET} characters` };
  }
  const { durationMs = 0 } = body;
  const asked = durationMs === null ? 0 : numberOf(durationMs);
  if (asked === undefined) return { kind: 'invalid', problem: '"durationMs" must be a number' };
  return { kind: 'claim', secretKey, durationMs: asked > 0 ? Math.min(asked, MAX_DURATION_MS) : DAY_MS };
}

export function createClaims({ store, attributes, audit, hash, clock, allowByDefault }: ClaimParts): Claims {
  // The device is part of what is hashed: equal secrets of two devices do not show.
  const hashOf = (id: DeviceId, secret: string): string => hash.hash('claim-secret', `${id}|${secret}`);

  const offerOf = async (
    id: DeviceId,
  ): Promise<{ readonly secretHash: string; readonly expiresAt: number } | undefined> => {
    const standing = await store.registration(id);
    if (standing) return standing;
    const data = (await attributes.read(id, 'SERVER_SCOPE', ['claimingData'])).get('claimingData')?.value;
    return data === undefined ? undefined : offerFrom(data, (secret) => hashOf(id, secret));
  };

  return {
    async register(device, { secretKey, durationMs }) {
      const now = clock.now();
      if (!allowByDefault) {
        const allowed = (await attributes.read(device.id, 'SERVER_SCOPE', ['claimingAllowed'])).get('claimingAllowed');
        if (allowed?.value !== true) return;
      }
      await store.register(device.id, { secretHash: hashOf(device.id, secretKey), expiresAt: now + durationMs }, now);
    },

    async claim(device, secretKey, customer, by) {
      const outcome = await decide(device, secretKey, customer);
      await audit.append({
        at: clock.now(),
        action: 'device.claim',
        by,
        subject: `device:${device.id}`,
        outcome,
        facts: { customer },
      });
      return outcome;
    },

    async reclaim(device, by) {
      const had = await store.unassign(device.id);
      const subject = `device:${device.id}`;
      if (had) await audit.append({ at: clock.now(), action: 'device.reclaim', by, subject, outcome: 'done' });
      return had;
    },

    sealed(id, values) {
      const data = values.claimingData;
      if (data === undefined || !isObject(data)) return values;
      const { secretKey, ...rest } = data;
      const secret = textOf(secretKey);
      if (secretKey === undefined || secret === undefined) return values;
      return { ...values, claimingData: { ...rest, secretKeyHash: hashOf(id, secret) } };
    },
  };

  async function decide(device: Device, secretKey: Secret, customer: CustomerId): Promise<ClaimOutcome> {
    const { id } = device;
    if (!(await store.customer(customer))) throw new BrokerError('NOT_FOUND', { field: 'customerId' });
    if (await store.customerOf(id)) return 'CLAIMED';
    const offer = await offerOf(id);
    const right = sameHash(offer?.secretHash ?? hashOf(id, ''), hashOf(id, secretKey.reveal()));
    if (!offer || offer.expiresAt <= clock.now() || !right) {
      await store.dropRegistration(id);
      return 'FAILURE';
    }
    const result = await store.assign(id, customer);
    if (result === 'assigned') await attributes.remove(id, 'SERVER_SCOPE', ['claimingData']);
    return result === 'assigned' ? 'SUCCESS' : result === 'owned' ? 'CLAIMED' : 'FAILURE';
  }
}

/** The offer in the server attribute `claimingData`: `{secretKey, expirationTime}`, the secret hashed or as a chain wrote it. */
function offerFrom(data: JsonValue, hashOf: (secret: string) => string) {
  if (!isObject(data)) return undefined;
  const secret = textOf(data.secretKey);
  const secretHash =
    typeof data.secretKeyHash === 'string' ? data.secretKeyHash : secret === undefined ? undefined : hashOf(secret);
  const expiresAt = numberOf(data.expirationTime ?? null);
  return secretHash === undefined || expiresAt === undefined ? undefined : { secretHash, expiresAt };
}

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  const number = typeof value === 'number' || value instanceof ExactNumber;
  return number ? String(value instanceof ExactNumber ? value.text : value) : undefined;
}

function numberOf(value: JsonValue): number | undefined {
  const number = value instanceof ExactNumber ? Number(value.text) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : undefined;
}
