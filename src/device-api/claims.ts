import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Device } from '../model/device.ts';
import type { CustomerId, DeviceId } from '../model/ids.ts';
import { ExactNumber, type JsonValue } from '../model/json.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import type { Secret } from '../model/secret.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { CustomerStore } from '../storage/customer-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { CLAIMING_DATA, hashClaimSecret, numberOf, offerFrom, secretText } from './claiming-data.ts';

/** A request read from a device; `invalid`: it is not of the form of thingsboard-device-api 3.10. */
export type ClaimRequest =
  | { readonly kind: 'claim'; readonly secretKey: string; readonly durationMs: number }
  | { readonly kind: 'invalid'; readonly problem: string };

export type ClaimOutcome = 'SUCCESS' | 'FAILURE' | 'CLAIMED';

/** Claiming: a device says for how long whoever knows its secret may have it (thingsboard-device-api 3.10). */
export interface Claims {
  /** Stores what the device offers, unless an offer stands or the device has a customer. Resolves when durable. */
  register(device: Device, request: ClaimRequest & { readonly kind: 'claim' }): Promise<void>;
  /** Gives the device to the customer who knows the secret. A failed attempt ends the offer, also that of `claimingData`. */
  claim(device: Device, secretKey: Secret, customer: CustomerId, by: string): Promise<ClaimOutcome>;
  /** Takes the device from its customer; false when it has none. */
  reclaim(device: Device, by: string): Promise<boolean>;
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
  const secretKey = secretText(body.secretKey);
  if (secretKey === undefined || secretKey.length > MAX_SECRET) {
    return { kind: 'invalid', problem: `"secretKey" must be a text of at most ${MAX_SECRET} characters` };
  }
  const { durationMs = 0 } = body;
  const asked = durationMs === null ? 0 : numberOf(durationMs);
  if (asked === undefined) return { kind: 'invalid', problem: '"durationMs" must be a number' };
  return { kind: 'claim', secretKey, durationMs: asked > 0 ? Math.min(asked, MAX_DURATION_MS) : DAY_MS };
}

export function createClaims({ store, attributes, audit, hash, clock, allowByDefault }: ClaimParts): Claims {
  const hashOf = (id: DeviceId, secret: string): string => hashClaimSecret(hash, id, secret);

  const offerOf = async (
    id: DeviceId,
  ): Promise<{ readonly secretHash: string; readonly expiresAt: number } | undefined> => {
    const standing = await store.registration(id);
    if (standing) return standing;
    const data = (await attributes.read(id, 'SERVER_SCOPE', [CLAIMING_DATA])).get(CLAIMING_DATA)?.value;
    return data === undefined ? undefined : offerFrom(data);
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
      // Whatever came of it: an offer is good for one attempt.
      await attributes.remove(device.id, 'SERVER_SCOPE', [CLAIMING_DATA]);
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
    return result === 'assigned' ? 'SUCCESS' : result === 'owned' ? 'CLAIMED' : 'FAILURE';
  }
}
